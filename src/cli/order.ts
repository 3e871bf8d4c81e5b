/** An operator's order about upgrades: given, and said when it is durable. */
import * as Effect from "effect/Effect"

import { OrderTaken } from "../control/upgrade-views.ts"
import { ControlClient, type Order } from "./control-client.ts"
import { ExitCode } from "./exit-code.ts"
import { print } from "./screen.ts"
import { plain } from "./text.ts"
import { understood } from "./understood.ts"

export const give = Effect.fn("give")(function*(order: Order, request: object) {
  const client = yield* ControlClient
  return yield* understood(OrderTaken, "answer")(client.order(order, request))
})

/** For those that are done when they are taken. */
export const order = Effect.fn("order")(function*(what: Order, request: object) {
  yield* print(plain((yield* give(what, request)).message))
  return ExitCode.done
})
