/** Crashes by the hundred under the default policy, in simulated time: all recovered, and counted alike on both sides. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { layer } from "../../layers/sim/simulator.ts"
import { decode } from "../../src/decide/durable.ts"
import { Chance } from "../../src/simulate/chance.ts"
import type { Plan } from "../../src/simulate/fault.ts"
import { runPlan } from "../../src/simulate/run.ts"

/** Some hit a service that waits for its start already, and so nothing: more are drawn than are asked for. */
const drawn = 280
const crashes = 200
const hour = 3_600_000
const length = 4 * hour
const names = ["databasedpu0", "gnmidpu0", "dash-hadpu0"]

/** Random services at random moments; the ladder is climbed and paid back. */
const plan = (seed: number): Plan => {
  const chance = new Chance(seed, 99)
  return Array.from({ length: drawn }, () => ({
    _tag: "ContainerCrash" as const,
    at: chance.between(60_000, length),
    container: chance.pick(names)
  })).sort((left, right) => left.at - right.at)
}

describe("crashes in simulation", () => {
  it.effect("recovers 200 of them, and counts as many restarts as the NPU saw", () =>
    Effect.gen(function*() {
      const died = new Map<string, number>()
      const starts = new Map<string, number>()
      let durable: string | undefined
      const outcome = yield* runPlan(
        { seed: 4711, length, dpus: 1, profile: "none" },
        plan(4711),
        (entry) => {
          if (entry._tag === "Saved") durable = entry.durable
          if (entry._tag !== "Engine" || !names.includes(entry.container)) return
          const counted = entry.what === "Started" ? starts : entry.what === "Exited" ? died : undefined
          counted?.set(entry.container, (counted.get(entry.container) ?? 0) + 1)
        }
      )
      // Which services run at the end, and answer, the invariants say.
      assert.deepStrictEqual(outcome.violations, [])
      const memory = Either.getOrThrow(decode(durable ?? "", 0))
      let restarts = 0
      for (const name of names) {
        const counted = memory.containers[name]?.restarts ?? 0
        assert.strictEqual(counted, (starts.get(name) ?? 0) - 1, `${name}: restarts`)
        assert.strictEqual(counted, died.get(name), `${name}: crashes`)
        restarts += counted
      }
      assert.isAtLeast(restarts, crashes)
      console.log(`${restarts} crashes in ${length / hour} simulated hours, and as many restarts`)
    }).pipe(Effect.provide(layer)), 120_000)
})
