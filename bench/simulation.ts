/**
 * How fast the simulator runs: simulated seconds, and completed looks, for each
 * CPU second of one core, on the same 20 seeds, invariants on, with all faults
 * and with none; one DPU of three services, and eight DPUs on one NPU. One look
 * a second for each DPU.
 *
 *   npm run bench -- simulation [MINUTES]
 */
import * as Effect from "effect/Effect"

import { layer } from "../layers/sim/simulator.ts"
import { run } from "../src/simulate/run.ts"
import { quietEnd } from "../src/simulate/simulator.ts"
import type { Profile } from "../src/simulate/swarm.ts"

const seeds = 20
/** Minutes of simulated time with faults; five without follow. */
const minutes = Number(process.argv[2] ?? 10)

/** Simulated seconds a CPU second that are asked for, and those that are aimed at. */
const cases = [
  { dpus: 1, profile: "none", required: 2000, goal: 5000 },
  { dpus: 1, profile: "all", required: 2000, goal: 5000 },
  { dpus: 8, profile: "none", required: 250, goal: 600 },
  { dpus: 8, profile: "all", required: 250, goal: 600 }
] as const

const measure = (dpus: number, profile: Profile) => {
  const length = minutes * 60_000 / (dpus === 1 ? 1 : 5)
  let looks = 0
  let violations = 0
  const begun = process.cpuUsage()
  for (let seed = 1; seed <= seeds; seed += 1) {
    const outcome = Effect.runSync(Effect.provide(run({ seed, length, dpus, profile }), layer))
    looks += outcome.counts.looks
    violations += outcome.violations.length
  }
  const { system, user } = process.cpuUsage(begun)
  const cpu = (system + user) / 1e6
  return { rate: seeds * (length + quietEnd(profile)) / 1000 / cpu, looks: looks / cpu, cpu, violations }
}

// What V8 has not compiled yet is not what is measured.
measure(1, "all")
for (const { dpus, goal, profile, required } of cases) {
  const { cpu, looks, rate, violations } = measure(dpus, profile)
  console.log(
    `${dpus} DPU${dpus === 1 ? " " : "s"}, faults ${profile.padEnd(4)}  ${
      rate.toFixed(0).padStart(5)
    } simulated s and ${looks.toFixed(0).padStart(5)} looks a CPU second  (asked ${required}, goal ${goal}; ${
      cpu.toFixed(1)
    } s of CPU, ${violations} violations)`
  )
  if (violations > 0) process.exitCode = 1
}
