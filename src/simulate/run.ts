/** One run, watched: the oracle's verdict, the trace's hash, and counts of what occurred. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

import type { ContainerSpec } from "../model/catalogue.ts"
import { Counts } from "./counts.ts"
import { Plan } from "./fault.ts"
import { Oracle } from "./oracle/oracle.ts"
import type { Violation } from "./oracle/violation.ts"
import { quietEnd, Simulator, type SimulatorService } from "./simulator.ts"
import { drawSurroundings, hasty, plain, policyOf, Surroundings, unobtainable } from "./surroundings.ts"
import { draw, type Profile } from "./swarm.ts"
import { type Entry, TraceHash } from "./trace.ts"

export interface Setting {
  readonly seed: number
  /** Milliseconds of simulated time in which faults happen. */
  readonly length: number
  readonly dpus: number
  readonly profile: Profile
  /** Where they are not given, the seed draws them. */
  readonly surroundings?: Surroundings
}

export interface Outcome {
  readonly setting: Setting
  readonly plan: Plan
  /** The first violation comes first; a run ends with it. */
  readonly violations: ReadonlyArray<Violation>
  readonly hash: string
  readonly counts: Counts
}

/** A run that broke an invariant once, by its plan, since what a seed draws changes with the kinds of faults. */
export const Regression = Schema.Struct({
  invariant: Schema.String,
  seed: Schema.Number,
  /** Milliseconds. */
  length: Schema.Number,
  dpus: Schema.Int,
  surroundings: Schema.optionalWith(Surroundings, { default: () => plain }),
  plan: Plan
})
export type Regression = typeof Regression.Type

export const surroundingsOf = ({ profile, seed, surroundings }: Setting): Surroundings =>
  surroundings ?? surroundingsFor(profile, seed)

const surroundingsFor = (profile: Profile, seed: number): Surroundings => {
  switch (profile) {
    case "all":
      return drawSurroundings(seed)
    case "pruning":
      return hasty
    default:
      return plain
  }
}

/** The plan that a setting's seed draws. */
export const planOf = (setting: Setting): Effect.Effect<Plan, never, Simulator> =>
  Effect.map(
    Simulator,
    (simulator) => {
      const surroundings = surroundingsOf(setting)
      return draw({
        ...setting,
        containers: names(simulator.containers(setting.dpus, surroundings)),
        versions: versionsOf(simulator, setting.profile, surroundings),
        sound: simulator.versions,
        upgrades: surroundings.upgrades
      })
    }
  )

const versionsOf = (
  { badVersions, versions }: SimulatorService,
  profile: Profile,
  { upgrades }: Surroundings
): ReadonlyArray<string> => {
  if (profile === "upgrades") return [...versions, ...badVersions]
  return upgrades === "frequent" ? [...versions, ...versions, ...versions, ...badVersions] : versions
}

/**
 * Runs a plan to its end, or to the first violation. `also` hears every entry,
 * for who wants to keep or to draw them. Ends after `until` milliseconds.
 */
export const runPlan = Effect.fnUntraced(
  function*(
    setting: Setting,
    plan: Plan,
    also: (entry: Entry) => void = ignore,
    until: number = Number.POSITIVE_INFINITY
  ) {
    const simulator = yield* Simulator
    const surroundings = surroundingsOf(setting)
    const oracle = new Oracle({
      policy: policyOf(surroundings),
      containers: simulator.containers(setting.dpus, surroundings),
      quiet: quietEnd(setting.profile),
      badVersions: simulator.badVersions,
      unobtainable
    })
    const hash = new TraceHash()
    const counts = new Counts()
    yield* simulator.run({
      seed: setting.seed,
      length: setting.length,
      dpus: setting.dpus,
      surroundings,
      plan,
      quiet: quietEnd(setting.profile),
      watch: (entry) => {
        hash.add(entry)
        counts.add(entry)
        also(entry)
        oracle.see(entry)
        return oracle.violations.length === 0 && entry.at <= until
      }
    })
    const outcome: Outcome = { setting, plan, violations: oracle.violations, hash: hash.digest, counts }
    return outcome
  }
)

/** Draws the seed's plan and runs it. */
export const run = (setting: Setting, also?: (entry: Entry) => void): Effect.Effect<Outcome, never, Simulator> =>
  Effect.flatMap(planOf(setting), (plan) => runPlan(setting, plan, also))

const ignore = (): void => undefined

const names = (containers: ReadonlyArray<ReadonlyArray<ContainerSpec>>): ReadonlyArray<ReadonlyArray<string>> =>
  containers.map((specs) => specs.map((spec) => spec.name))
