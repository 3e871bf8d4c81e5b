/**
 * The daemon's own program through simulated faults: a slice of the seeds, each
 * with a random subset of all faults, judged at every step.
 *
 * `SIMULATION_SEEDS` and `SIMULATION_HOURS` make the slice larger.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { layer } from "../../layers/sim/simulator.ts"
import { describe as describeFault, type Plan } from "../../src/simulate/fault.ts"
import { run } from "../../src/simulate/run.ts"
import { line } from "../../src/simulate/trace.ts"

const seeds = Number(process.env["SIMULATION_SEEDS"] ?? 10)
const hours = Number(process.env["SIMULATION_HOURS"] ?? 0.25)

const simulate = (seed: number, dpus = 1, length = hours) =>
  Effect.provide(run({ seed, dpus, length: length * 3_600_000, profile: "all" }), layer)

/** The faults of a failing seed and the end of what happened, for whoever mends it. */
const report = (seed: number, plan: Plan) => {
  const lines: Array<string> = []
  const again = run({ seed, dpus: 1, length: hours * 3_600_000, profile: "all" }, (entry) => {
    const text = line(entry)
    if (text !== undefined) lines.push(text)
    if (lines.length > 200) lines.shift()
  })
  return Effect.map(
    Effect.provide(again, layer),
    () => console.log([`seed ${seed}:`, ...plan.map(describeFault), "", ...lines].join("\n"))
  )
}

describe("the daemon in simulation", () => {
  it.effect("keeps every invariant, and all services run once faults stop", () =>
    Effect.gen(function*() {
      for (let seed = 1; seed <= seeds; seed += 1) {
        const { plan, violations } = yield* simulate(seed)
        if (violations.length > 0) yield* report(seed, plan)
        assert.deepStrictEqual(violations, [], `seed ${seed}, ${hours} h, 1 DPU`)
      }
      console.log(`${seeds} seeds of ${hours} simulated hours each, one DPU, all faults: no violation`)
    }), 600_000)

  it.effect("keeps them with eight DPUs on one NPU", () =>
    Effect.gen(function*() {
      const { violations } = yield* simulate(1, 8, 0.1)
      assert.deepStrictEqual(violations, [])
    }), 300_000)

  it.effect("runs the same seed the same way, and another seed another way", () =>
    Effect.gen(function*() {
      const [first, again, other] = yield* Effect.all([simulate(7, 1, 0.1), simulate(7, 1, 0.1), simulate(8, 1, 0.1)])
      assert.strictEqual(first.hash, again.hash)
      assert.notStrictEqual(first.hash, other.hash)
    }), 300_000)
})
