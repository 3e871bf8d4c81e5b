/** `offloadctl simulate`: the daemon's own program through simulated faults, decided by one seed. Asks no daemon. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

import { ExitCode } from "./exit-code.ts"
import { Ended, Usage } from "./problem.ts"
import { type Format, print, printJson } from "./screen.ts"

/** A file of the simulation's could not be written; `message` is a sentence. */
export class SimulationError extends Data.TaggedError("SimulationError")<{ readonly message: string }> {}

export interface SimulationRequest {
  readonly seed: number
  readonly hours: number
  readonly dpus: number
  readonly faults: string
  /** One of the sweep's instead of what the seed draws, and where its daemon is killed: `17:between`. */
  readonly scenario: string | undefined
  readonly kill: string | undefined
  /** Where the plan, the violation and the trace go as text. */
  readonly trace: string | undefined
  /** Where the time line goes as one page. */
  readonly html: string | undefined
  /** A run that fails is not made smaller. */
  readonly whole: boolean
}

export interface Simulated {
  readonly seed: number
  readonly hash: string
  /** Seconds of simulated time, and of the machine's. */
  readonly simulated: number
  readonly took: number
  readonly looks: number
  readonly faults: Readonly<Record<string, number>>
  readonly actions: Readonly<Record<string, number>>
  readonly violation:
    | {
      readonly invariant: string
      readonly demands: string
      readonly at: string
      readonly container: string | null
      readonly message: string
      /** The faults that it takes, and what happened at the end. */
      readonly plan: ReadonlyArray<string>
      readonly trace: ReadonlyArray<string>
      /** The same as data, for test/simulation/regressions.json. */
      readonly regression: unknown
    }
    | null
}

/** The simulator is loaded only when it is asked for. */
export class Simulation extends Context.Tag("offloadctl/Simulation")<Simulation, {
  readonly profiles: ReadonlyArray<string>
  readonly run: (request: SimulationRequest) => Effect.Effect<Simulated, SimulationError | Usage>
}>() {}

export interface SimulateOptions extends SimulationRequest {
  readonly output: Format
}

/** Exits 1 where an invariant was broken. */
export const simulate = Effect.fn("simulate")(function*(options: SimulateOptions) {
  const simulation = yield* Simulation
  if (options.dpus < 1 || options.dpus > 8) return yield* new Usage({ message: "--dpus is 1 to 8" })
  if (!(options.hours > 0)) return yield* new Usage({ message: "--hours is more than 0" })
  if (!simulation.profiles.includes(options.faults)) {
    return yield* new Usage({ message: `--faults is one of: ${simulation.profiles.join(", ")}` })
  }
  if (options.kill !== undefined && options.scenario === undefined) {
    return yield* new Usage({ message: "--kill is of a scenario's daemon: name one with --scenario" })
  }
  const result = yield* Effect.catchTag(
    simulation.run(options),
    "SimulationError",
    (error) => new Ended({ code: ExitCode.failed, message: error.message })
  )
  if (options.output === "json") yield* printJson(result)
  else yield* print(render(result, options))
  return result.violation === null ? ExitCode.done : ExitCode.failed
})

const render = (result: Simulated, options: SimulateOptions): string => {
  const { violation } = result
  const total = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((sum, count) => sum + count, 0)
  const summary = `seed ${result.seed}: ${(result.simulated / 3600).toFixed(2)} simulated hours in ${
    result.took.toFixed(1)
  } s, ${result.looks} looks, ${total(result.faults)} faults, ${total(result.actions)} actions; trace ${result.hash}`
  if (violation === null) return `${summary}\nno violation`
  return [
    summary,
    `VIOLATION of ${violation.invariant} at ${violation.at}${
      violation.container === null ? "" : ` by ${violation.container}`
    }: ${violation.message}`,
    `  ${violation.demands}`,
    "",
    `the faults that it takes (${violation.plan.length}):`,
    ...violation.plan.map((line) => `  ${line}`),
    "",
    "what happened at the end:",
    ...violation.trace.map((line) => `  ${line}`),
    "",
    `as a regression test: ${JSON.stringify(violation.regression)}`,
    options.scenario === undefined
      ? `again: offloadctl simulate --seed ${options.seed} --hours ${options.hours} --dpus ${options.dpus} --faults ${options.faults}`
      : `again: offloadctl simulate --scenario ${options.scenario}${
        options.kill === undefined ? "" : ` --kill ${options.kill}`
      }`
  ].join("\n")
}
