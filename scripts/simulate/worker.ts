/**
 * Runs seeds one after another in this process and prints a line of JSON for
 * each. Its one argument is a JSON object: `first` and `last` seed, `length` in
 * milliseconds, `dpus`, `profile`, and `stop`, to end at the first violation.
 */
import * as Effect from "effect/Effect"

import * as Simulation from "../../layers/sim/simulator.ts"
import { run } from "../../src/simulate/run.ts"
import type { Profile } from "../../src/simulate/swarm.ts"

interface Job {
  readonly first: number
  readonly last: number
  readonly length: number
  readonly dpus: number
  readonly profile: Profile
  readonly stop?: boolean
}

/** How often each branch of the judgement was taken, where the bundle counts it. */
const counters = (globalThis as { readonly __branches?: Array<number> }).__branches ?? []

const job = JSON.parse(process.argv[2] ?? "{}") as Job

for (let seed = job.first; seed <= job.last; seed++) {
  const begun = process.cpuUsage()
  counters.fill(0)
  const setting = { seed, length: job.length, dpus: job.dpus, profile: job.profile }
  const { counts, hash, violations } = Effect.runSync(Effect.provide(run(setting), Simulation.layer))
  const { system, user } = process.cpuUsage(begun)
  const { actions, faults, hitInFlight, looks, reasons } = counts
  const violation = violations[0]
  process.stdout.write(
    `${
      JSON.stringify({
        seed,
        hash,
        looks,
        hitInFlight,
        faults,
        actions,
        reasons,
        branches: counters.flatMap((count, branch) => count === 0 ? [] : [[branch, count]]),
        violation,
        cpu: (system + user) / 1e6
      })
    }\n`
  )
  if (violation !== undefined && job.stop === true) break
}
