import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { apiVersion } from "../../../src/control/views.ts"
import { commandLine } from "./console.ts"

describe("release, pause and resume", () => {
  it.effect.each(
    [
      [["release", "docker-dash-ha:2.0"], "release", { subject: "docker-dash-ha:2.0" }],
      [["pause"], "pause", {}],
      [["resume"], "resume", {}]
    ] as const
  )("say what was taken: %j", ([line, order, request]) =>
    Effect.gen(function*() {
      const asked: Array<unknown> = []
      const { code, out } = yield* commandLine(line, {
        client: {
          order: (...given) =>
            Effect.sync(() => {
              asked.push(given)
              return { apiVersion, upgrade: null, version: "2.0", message: "it is done" }
            })
        }
      })
      assert.deepStrictEqual([code, out], [0, "it is done\n"])
      assert.deepStrictEqual(asked, [[order, request]])
    }))

  it.effect("exit 1 with the reason where it cannot be done", () =>
    Effect.gen(function*() {
      const { code, err } = yield* commandLine(["release", "9"], {
        client: {
          order: () => Effect.fail({ _tag: "Declined", message: "nothing is in quarantine under \"9\"" } as const)
        }
      })
      assert.deepStrictEqual([code, err.includes("nothing is in quarantine")], [1, true])
    }))
})
