/**
 * The sweep of kills: each scenario runs once undisturbed, which counts what its
 * daemon writes to the disk, and then once for every write and every point of it,
 * with the daemon killed there and started again. Each run keeps all invariants
 * and comes to the same end.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { decode } from "../decide/durable.ts"
import type { Fault, KillPoint, Plan } from "./fault.ts"
import { runPlan, type Setting } from "./run.ts"
import type { Simulator } from "./simulator.ts"
import type { Entry } from "./trace.ts"

export interface Scenario {
  readonly name: string
  /** Milliseconds until all is over, also where a kill has held it up; the quiet end comes after it. */
  readonly length: number
  readonly plan: Plan
}

const begin = 30_000
const change = (at: number, version: string): Fault => ({ _tag: "VersionChange", at, dpu: 0, version })

/** All versions are those of the simulated world; what is bad about the bad ones stands beside them. */
export const scenarios: ReadonlyArray<Scenario> = [
  { name: "good", length: 740_000, plan: [change(begin, "20260101.2")] },
  // The last of the three crashes at its start: all are brought back.
  { name: "crash-at-start", length: 180_000, plan: [change(begin, "20260202.1")] },
  // The second does so after a minute each time, in probation.
  { name: "crash-after-a-minute", length: 400_000, plan: [change(begin, "20260202.3")] },
  // The second never answers.
  { name: "never-healthy", length: 300_000, plan: [change(begin, "20260202.4")] },
  // The way back has just begun when a sound version comes.
  {
    name: "upgrade-during-rollback",
    length: 860_000,
    plan: [change(begin, "20260202.1"), change(begin + 45_000, "20260101.2")]
  },
  // The link is cut in the midst of the switch.
  {
    name: "outage",
    length: 820_000,
    plan: [change(begin, "20260101.2"), { _tag: "LinkCut", at: begin + 12_000, length: 40_000, dpu: 0, how: "silent" }]
  },
  {
    name: "two-upgrades",
    length: 1_560_000,
    plan: [change(begin, "20260101.2"), change(begin + 770_000, "20260101.1")]
  }
]

export const points: ReadonlyArray<KillPoint> = ["before", "between", "after"]

/** Milliseconds that the daemon is away: as long as its supervisor takes. */
const downFor = 1000
/** Milliseconds after the scenario at which everything has been judged. */
const judged = 190_000

/** Decides the world that all scenarios run in. */
const seed = 1

export const settingOf = ({ length }: Scenario): Setting => ({ seed, length, dpus: 1, profile: "none" })

export const planOf = ({ plan }: Scenario, kill: Kill | undefined): Plan =>
  kill === undefined
    ? plan
    : [{ _tag: "KilledAtWrite", at: 0, dpu: 0, number: kill.number, when: kill.when, downFor }, ...plan]

/** The daemon is killed at this write, counted from 1. */
export interface Kill {
  readonly number: number
  readonly when: KillPoint
}

/** As it is printed and read: `17:between`. */
export const killText = ({ number, when }: Kill): string => `${number}:${when}`

export const killOf = (text: string): Kill | undefined => {
  const [, number, point] = /^([1-9]\d*):(\w+)$/.exec(text) ?? []
  const when = points.find((candidate) => candidate === point)
  return number === undefined || when === undefined ? undefined : { number: Number(number), when }
}

/** Each write at each point, in order. */
export const kills = (writes: number): ReadonlyArray<Kill> =>
  Array.from({ length: writes }, (_, index) => points.map((when) => ({ number: index + 1, when }))).flat()

export interface Attempt {
  readonly writes: number
  /** Daemons that were killed. */
  readonly killed: number
  /** What the disk says and what runs, once all is over: comparable as text. */
  readonly end: string
  /** A sentence with the invariant's name; undefined where none was broken. */
  readonly violation: string | undefined
}

export const attempt = (scenario: Scenario, kill?: Kill): Effect.Effect<Attempt, never, Simulator> =>
  Effect.suspend(() => {
    const found = new Found()
    return Effect.map(
      runPlan(settingOf(scenario), planOf(scenario, kill), (entry) => found.add(entry), scenario.length + judged),
      ({ violations: [first] }): Attempt => ({
        writes: found.writes,
        killed: found.killed,
        end: found.end,
        violation: first === undefined ? undefined : `${first.invariant}: ${first.message}`
      })
    )
  })

/** What of a run tells how it ended. */
class Found {
  writes = 0
  killed = 0
  private durable: string | undefined
  private readonly running = new Map<string, string>()

  add(entry: Entry): void {
    if (entry._tag === "Saving") this.writes++
    else if (entry._tag === "Saved") this.durable = entry.durable
    else if (entry._tag === "Down" && entry.how === "killed") this.killed++
    else if (entry._tag === "Engine") {
      if (entry.what === "Started") this.running.set(entry.container, entry.image)
      else this.running.delete(entry.container)
    }
  }

  get end(): string {
    const memory = Either.getOrUndefined(decode(this.durable ?? "", 0))
    return JSON.stringify({
      services: Object.entries(memory?.containers ?? {}).map(([name, { assigned, desired }]) => ({
        name,
        desired,
        assigned,
        runs: this.running.get(name) ?? null
      })),
      underWay: memory?.upgrade?.phase ?? null,
      last: memory?.lastUpgrade?.outcome ?? null,
      previousSet: memory?.previousSet ?? null,
      quarantine: memory?.quarantine.map(({ version }) => version) ?? [],
      degraded: (memory?.degraded ?? null) !== null
    })
  }
}
