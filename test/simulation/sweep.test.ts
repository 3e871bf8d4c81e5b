/**
 * Upgrades whose daemon is killed at its writes to the disk: before the text is
 * written, after it was renamed, after it was confirmed. A slice of them;
 * `npm run test:long` kills at every one.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { script } from "./command.ts"

describe("a daemon that is killed at a write", () => {
  it.effect("leaves a memory from which the next one comes to the same end", () =>
    Effect.gen(function*() {
      const ended = yield* script("simulate.mjs", ["--sweep", "--every", "40"])
      console.log(ended.output)
      assert.strictEqual(ended.code, 0, ended.output)
    }), 600_000)
})
