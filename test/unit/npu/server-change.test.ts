import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

import type { MethodName } from "../../../src/npu/messages.ts"
import * as Npu from "../../../src/npu/npu.ts"
import { type ConnectionEvent, Wire, WireError, type WireService } from "../../../src/npu/wire.ts"
import { row } from "./scripted.ts"

const unknown = (method: MethodName) =>
  new WireError({ method, code: "UNIMPLEMENTED", origin: "peer", details: `unknown method ${method}` })

describe("an NPU whose server is replaced between the two names of the list", () => {
  it.scoped("is not taken for one without Containerz: each server was asked by one name alone", () =>
    Effect.gen(function*() {
      const events = yield* Queue.unbounded<ConnectionEvent>()
      const met = yield* Queue.unbounded<void>()
      const asked: Array<MethodName> = []
      const collect = (method: MethodName) =>
        Effect.gen(function*() {
          asked.push(method)
          if (method === "ListContainer" && asked.includes("List")) return [row("ha", "RUNNING")]
          if (method === "List") {
            // By the time this is answered, another server has been met, which has only the name of today.
            yield* Queue.offer(events, { _tag: "Connected" })
            yield* Queue.take(met)
          }
          if (method === "Reflection") yield* Queue.offer(met, undefined)
          return yield* unknown(method)
        })
      const wire: WireService = {
        endpoint: "npu:8080",
        unary: () => Effect.succeed({} as never),
        collect: (method) => collect(method),
        stream: () => Stream.empty,
        deploy: () => Effect.die("nothing is deployed here"),
        connection: Stream.fromQueue(events)
      }
      const npu = yield* Effect.provide(Npu.Npu, Npu.layer.pipe(Layer.provide(Layer.succeed(Wire, wire))))
      yield* Effect.forkScoped(npu.attend)
      // The first server has been met, too.
      yield* Queue.take(met)
      yield* npu.look(["ha"])
      const { result } = yield* npu.look(["ha"])
      assert.strictEqual(result._tag, "Seen", asked.join(", "))
    }))
})
