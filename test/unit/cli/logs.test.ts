import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import type { OutputQuery } from "../../../src/cli/event-feed.ts"
import { commandLine } from "./console.ts"

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
})
