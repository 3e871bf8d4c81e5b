/**
 * Runs seeds one after another in this process and prints a line of JSON for
 * each. Its one argument is a JSON object: `first` and `last` seed, `length` in
 * milliseconds, `dpus`, `profile`, and `stop`, to end at the first violation. With
 * `sweep`, the name of a scenario, the seeds are numbers of its kills, from 0, of
 * which `every` stands between two; with none, all scenarios run without any.
 */
import * as Effect from "effect/Effect"

import * as Simulation from "../../layers/sim/simulator.ts"
import { run } from "../../src/simulate/run.ts"
import type { Profile } from "../../src/simulate/swarm.ts"
import { attempt, type Kill, kills, killText, type Scenario, scenarios } from "../../src/simulate/sweep.ts"

interface Job {
  readonly first: number
  readonly last: number
  readonly length: number
  readonly dpus: number
  readonly profile: Profile
  readonly stop?: boolean
  readonly sweep?: string
  /** Of the scenario without a kill. */
  readonly writes?: number
  readonly every?: number
}

// Faulty calls make errors by the hundred a second, and nobody reads here where each was made.
Error.stackTraceLimit = 0

/** How often each branch of the judgement was taken, where the bundle counts it. */
const counters = (globalThis as { readonly __branches?: Array<number> }).__branches ?? []

const job = JSON.parse(process.argv[2] ?? "{}") as Job

const sweep = (scenario: Scenario, kill?: Kill): void => {
  const begun = process.cpuUsage()
  const result = Effect.runSync(Effect.provide(attempt(scenario, kill), Simulation.layer))
  const { system, user } = process.cpuUsage(begun)
  const told = { ...result, scenario: scenario.name, cpu: (system + user) / 1e6 }
  process.stdout.write(`${JSON.stringify(kill === undefined ? told : { ...told, kill: killText(kill) })}\n`)
}

const sweepAll = (name: string, { every = 1, first, last, writes = 0 }: Job): void => {
  if (name === "") { for (const scenario of scenarios) sweep(scenario) }
  const scenario = scenarios.find((candidate) => candidate.name === name)
  const all = kills(writes)
  for (let number = first; number <= last; number++) {
    const kill = all[number * every]
    if (scenario !== undefined && kill !== undefined) sweep(scenario, kill)
  }
}

if (job.sweep !== undefined) sweepAll(job.sweep, job)

for (let seed = job.first; seed <= job.last && job.sweep === undefined; seed++) {
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
