/**
 * Runs that once broke an invariant, shrunk to the faults that it took: they
 * must not break any again. `offloadctl simulate` prints what belongs here.
 */
import { readFileSync } from "node:fs"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

import { layer } from "../../layers/sim/simulator.ts"
import { Regression, runPlan } from "../../src/simulate/run.ts"

const regressions = Schema.decodeUnknownSync(Schema.parseJson(Schema.Array(Regression)))(
  readFileSync(new URL("regressions.json", import.meta.url), "utf8")
)

describe("what simulation has found before", () => {
  for (const { dpus, invariant, length, plan, seed, surroundings } of regressions) {
    it.effect(`${invariant}, seed ${seed}: ${plan.map(({ _tag }) => _tag).join(", ")}`, () =>
      Effect.gen(function*() {
        const { violations } = yield* runPlan({ seed, length, dpus, profile: "all", surroundings }, plan)
        assert.deepStrictEqual(violations, [])
      }).pipe(Effect.provide(layer)), 120_000)
  }
})
