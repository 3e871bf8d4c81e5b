/** Every fault that is planted in the daemon is caught by an invariant within 200 seeds of one simulated hour. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { script } from "../simulation/command.ts"

describe("the invariants", () => {
  it.effect("catch every fault planted in the daemon, and each of them fires", () =>
    Effect.gen(function*() {
      const ended = yield* script("mutants.mjs", [])
      console.log(ended.output)
      assert.strictEqual(ended.code, 0, ended.output)
    }), 3_600_000)
})
