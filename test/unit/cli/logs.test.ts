import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import type { OutputQuery } from "../../../src/cli/event-feed.ts"
import { commandLine } from "./console.ts"
import { list, npu } from "./views.ts"

const logs = (...words: ReadonlyArray<string>) => {
  const asked: Array<OutputQuery> = []
  return commandLine(["logs", ...words], {
    output: (query) => {
      asked.push(query)
      return query.container === "ha"
        ? Stream.fail({ _tag: "NoLog", message: "nothing is kept of an instance of ha" })
        : Stream.make("ready", "", "\u001b[31mred\u001b[0m\r", "tab\there")
    }
  }).pipe(Effect.map((result) => ({ ...result, asked })))
}

describe("logs", () => {
  it.effect("prints lines, with what could steer a terminal spelled out", () =>
    Effect.gen(function*() {
      const { asked, code, out } = yield* logs("gnmi", "--follow")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(asked, [{ container: "gnmi", follow: true, previous: false }])
      assert.strictEqual(out, "ready\n\n\\u001b[31mred\\u001b[0m\ntab\\there\n")
    }))

  it.effect("says where nothing is kept, and exits 1", () =>
    Effect.gen(function*() {
      const { asked, code, err } = yield* logs("ha", "--previous")
      assert.deepStrictEqual([code, asked[0]?.previous], [1, true])
      assert.include(err, "nothing is kept")
    }))

  it.effect("exits 5 where the NPU cannot be asked", () =>
    Effect.gen(function*() {
      const { code, err } = yield* commandLine(["logs", "gnmi"], {
        output: () => Stream.fail({ _tag: "NpuUnreachable", message: "no route to host" })
      })
      assert.deepStrictEqual([code, err], [5, "offloadctl: the NPU could not be reached: no route to host\n"])
    }))

  it.effect("does not follow an instance that ended", () =>
    Effect.gen(function*() {
      const { asked, code } = yield* logs("gnmi", "--previous", "--follow")
      assert.deepStrictEqual([code, asked], [2, []])
    }))

  it.effect("says once that the NPU does not answer while its output is followed, and once that it does again", () =>
    Effect.gen(function*() {
      const ends = yield* Deferred.make<void>()
      let reachable = true
      const following = yield* Effect.fork(
        commandLine(["logs", "gnmi", "--follow"], {
          output: () => Stream.concat(Stream.make("ready"), Stream.execute(Deferred.await(ends))),
          client: {
            list: Effect.sync(() => list({ npu: npu({ reachable, reason: "no answer in time" }) }))
          }
        })
      )
      for (const answers of [true, false, false, true, true]) {
        reachable = answers
        yield* TestClock.adjust("3 seconds")
      }
      yield* Deferred.succeed(ends, undefined)
      const { code, err, out } = yield* Fiber.join(following)
      assert.deepStrictEqual([code, out], [0, "ready\n"])
      assert.strictEqual(
        err,
        "offloadctl: the NPU 169.254.200.254:8080 does not answer (no answer in time): what the container says now is not heard\n"
          + "offloadctl: the NPU 169.254.200.254:8080 answers again\n"
      )
    }))

  it.effect("is silent about the NPU where nothing is followed", () =>
    Effect.gen(function*() {
      const { err } = yield* commandLine(["logs", "gnmi"], {
        output: () => Stream.make("ready"),
        client: { list: Effect.dieMessage("nobody asked") }
      })
      assert.strictEqual(err, "")
    }))
})
