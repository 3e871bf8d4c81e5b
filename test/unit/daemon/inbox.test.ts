/** The decision loop's inbox: order, fullness, and a taker that is interrupted. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

import { Inbox } from "../../../src/daemon/inbox.ts"

describe("Inbox", () => {
  it.effect("gives what was offered in its order, whether the taker waits or comes later", () =>
    Effect.gen(function*() {
      const inbox = new Inbox<number>(4)
      yield* inbox.offer(1)
      yield* inbox.offer(2)
      assert.deepStrictEqual([yield* inbox.take, yield* inbox.take], [1, 2])
      const waiting = yield* Effect.fork(inbox.take)
      yield* Effect.yieldNow()
      yield* inbox.offer(3)
      assert.strictEqual(yield* Fiber.join(waiting), 3)
    }))

  it.effect("makes who offers more than fits wait, and takes all in the end", () =>
    Effect.gen(function*() {
      const inbox = new Inbox<number>(2)
      const offers = yield* Effect.fork(Effect.forEach([1, 2, 3, 4, 5], (number) => inbox.offer(number)))
      yield* Effect.yieldNow()
      assert.isNull(offers.unsafePoll())
      const taken = yield* Effect.replicateEffect(inbox.take, 5)
      yield* Fiber.join(offers)
      assert.deepStrictEqual(taken, [1, 2, 3, 4, 5])
    }))

  it.effect("loses nothing to a taker that was interrupted while it waited", () =>
    Effect.gen(function*() {
      const inbox = new Inbox<number>(2)
      const gone = yield* Effect.fork(inbox.take)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(gone)
      yield* inbox.offer(1)
      assert.strictEqual(yield* inbox.take, 1)
    }))
})
