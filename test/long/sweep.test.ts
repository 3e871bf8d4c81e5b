/** Upgrades whose daemon is killed at every write to its disk, at every point of it: each comes to the same end. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { script } from "../simulation/command.ts"

describe("a daemon that is killed at any write", () => {
  it.effect("leaves a memory from which the next one comes to the same end", () =>
    Effect.gen(function*() {
      const ended = yield* script("simulate.mjs", ["--sweep"])
      console.log(ended.output)
      assert.strictEqual(ended.code, 0, ended.output)
    }), 3_600_000)
})
