/** What `offloadctl simulate` alone needs: the simulator, the program under test, and files to write. */
import { writeFileSync } from "node:fs"

import * as Effect from "effect/Effect"

import * as Simulation from "../layers/sim/simulator.ts"
import { Usage } from "../src/cli/problem.ts"
import { type Simulated, SimulationError, type SimulationRequest } from "../src/cli/simulate.ts"
import { describe } from "../src/simulate/fault.ts"
import { invariants } from "../src/simulate/oracle/violation.ts"
import { type Outcome, planOf, type Regression, runPlan, type Setting, surroundingsOf } from "../src/simulate/run.ts"
import { shrink } from "../src/simulate/shrink.ts"
import { quietEnd, Simulator } from "../src/simulate/simulator.ts"
import type { Profile } from "../src/simulate/swarm.ts"
import { killOf, planOf as scenarioPlan, points, scenarios, settingOf } from "../src/simulate/sweep.ts"
import { Timeline } from "../src/simulate/timeline.ts"
import { page } from "../src/simulate/timeline-page.ts"
import { line, moment } from "../src/simulate/trace.ts"

/** Lines of the trace that are told with a violation. */
const told = 60

export const run = (request: SimulationRequest): Effect.Effect<Simulated, SimulationError | Usage> =>
  Effect.zipRight(unheard, Effect.provide(simulated(request), Simulation.layer))

/** A run lets nobody hear of a signal before its end, so that whoever has had enough ends the process itself. */
const unheard = Effect.sync(() => {
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal)
})

const simulated = Effect.fnUntraced(function*(request: SimulationRequest) {
  const { plan, setting } = yield* asked(request)
  const { containers } = yield* Simulator
  const timeline = new Timeline(
    containers(setting.dpus, surroundingsOf(setting)).map((specs) => specs.map((spec) => spec.name))
  )
  const lines: Array<string> = []
  const keeps = request.trace !== undefined
  const begun = performance.now()
  const outcome = yield* runPlan(setting, plan, (entry) => {
    if (request.html !== undefined) timeline.add(entry)
    const text = keeps ? line(entry) : undefined
    if (text !== undefined) lines.push(text)
  })
  const took = (performance.now() - begun) / 1000
  const violation = outcome.violations[0]
  if (violation !== undefined) {
    timeline.violation(violation.at, violation.container, violation.dpu, `${violation.invariant}: ${violation.message}`)
  }
  const smallest = violation === undefined
    ? undefined
    : request.whole
    ? outcome
    : yield* shrink(setting, outcome.plan, violation)
  const failure = smallest === undefined ? null : yield* tell(setting, smallest)
  const headline = request.scenario === undefined
    ? `seed ${setting.seed}, ${request.hours} h, ${setting.dpus} DPU${setting.dpus === 1 ? "" : "s"}`
    : `${request.scenario}${request.kill === undefined ? "" : `, killed at ${request.kill}`}`
  if (request.trace !== undefined) {
    const verdict = failure === null
      ? "no violation"
      : `VIOLATION of ${failure.invariant} at ${failure.at}: ${failure.message}`
    yield* write(
      request.trace,
      [headline, verdict, "", "faults:", ...outcome.plan.map(planLine), "", "trace:", ...lines, ""].join("\n")
    )
  }
  if (request.html !== undefined) {
    const notes = failure === null
      ? [`${outcome.plan.length} faults and operators' commands, ${outcome.counts.looks} looks; no violation`]
      : [
        `Violation of ${failure.invariant} at ${failure.at}: ${failure.message}`,
        ...failure.plan.map((text) => `It takes: ${text}`)
      ]
    yield* write(request.html, page(timeline.picture(), `Simulation of ${headline}`, notes))
  }
  return {
    seed: setting.seed,
    hash: outcome.hash,
    simulated: violation === undefined ? (setting.length + quietEnd(setting.profile)) / 1000 : violation.at / 1000,
    took,
    looks: outcome.counts.looks,
    faults: outcome.counts.faults,
    actions: outcome.counts.actions,
    violation: failure
  } satisfies Simulated
})

/** What the seed draws, or a scenario of the sweep. */
const asked = Effect.fnUntraced(function*(request: SimulationRequest) {
  if (request.scenario === undefined) {
    const setting: Setting = {
      seed: request.seed,
      length: request.hours * 3_600_000,
      dpus: request.dpus,
      profile: request.faults as Profile
    }
    return { setting, plan: yield* planOf(setting) }
  }
  const scenario = scenarios.find(({ name }) => name === request.scenario)
  if (scenario === undefined) {
    const names = scenarios.map(({ name }) => name).join(", ")
    return yield* new Usage({ message: `--scenario is one of: ${names}` })
  }
  const kill = request.kill === undefined ? undefined : killOf(request.kill)
  if (request.kill !== undefined && kill === undefined) {
    return yield* new Usage({
      message: `--kill is the number of a write, from 1, and a point of it: ${points.join(", ")}; such as 17:between`
    })
  }
  return { setting: settingOf(scenario), plan: scenarioPlan(scenario, kill) }
})

/** The smallest run that fails, told: its violation, its plan, its last lines. */
const tell = Effect.fnUntraced(function*(setting: Setting, smallest: Outcome) {
  const last: Array<string> = []
  const { violations } = yield* runPlan(setting, smallest.plan, (entry) => {
    const text = line(entry)
    if (text === undefined) return
    last.push(text)
    if (last.length > told) last.shift()
  })
  const violation = violations[0] ?? smallest.violations[0]!
  return {
    invariant: violation.invariant,
    demands: invariants[violation.invariant],
    at: moment(violation.at),
    container: violation.container ?? null,
    message: violation.message,
    plan: smallest.plan.map(planLine),
    trace: last,
    regression: {
      invariant: violation.invariant,
      seed: setting.seed,
      length: setting.length,
      dpus: setting.dpus,
      surroundings: surroundingsOf(setting),
      plan: smallest.plan
    } satisfies Regression
  }
})

const planLine = (fault: Outcome["plan"][number]): string => `${moment(fault.at)}  ${describe(fault)}`

const write = (path: string, text: string): Effect.Effect<void, SimulationError> =>
  Effect.try({
    try: () => writeFileSync(path, text),
    catch: (error) => new SimulationError({ message: `${path} cannot be written: ${(error as Error).message}` })
  })
