import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

import { simulate } from "../simulate.ts"
import { namedBy, output, verb } from "../verb.ts"

const seed = Options.integer("seed").pipe(
  Options.withDescription("Decides schedule, time, faults and operators."),
  Options.withDefault(1)
)

const hours = Options.float("hours").pipe(
  Options.withDescription("Simulated hours with faults; five minutes without follow."),
  Options.withDefault(1)
)

const dpus = Options.integer("dpus").pipe(
  Options.withDescription("DPUs that share the NPU, 1 to 8."),
  Options.withDefault(1)
)

const faults = Options.text("faults").pipe(
  Options.withPseudoName("PROFILE"),
  Options.withDescription(
    "Which faults to draw from: all, none, containers, network, daemon, upgrades or pruning."
  ),
  Options.withDefault("all")
)

const scenario = namedBy("scenario").pipe(
  Options.withPseudoName("NAME"),
  Options.withDescription("Run a scenario of the sweep of kills instead of what the seed draws."),
  Options.optional
)

const kill = namedBy("kill").pipe(
  Options.withPseudoName("N:POINT"),
  Options.withDescription("Kill the scenario's daemon at its Nth write: before, between or after."),
  Options.optional
)

const trace = namedBy("trace").pipe(
  Options.withPseudoName("FILE"),
  Options.withDescription("Write the plan and everything that happened, as text."),
  Options.optional
)

const html = namedBy("html").pipe(
  Options.withPseudoName("FILE"),
  Options.withDescription("Write the time line, as one self-contained page."),
  Options.optional
)

const whole = Options.boolean("whole").pipe(
  Options.withDescription("Tell a run that fails as it was drawn, without the search for the faults that it takes.")
)

export const command = verb(
  "simulate",
  "Runs the daemon's own program through simulated faults; exits 1 where an invariant is broken. Asks no daemon.",
  { seed, hours, dpus, faults, scenario, kill, trace, html, whole, output },
  (parsed) =>
    Effect.suspend(() =>
      simulate({
        ...parsed,
        scenario: Option.getOrUndefined(parsed.scenario),
        kill: Option.getOrUndefined(parsed.kill),
        trace: Option.getOrUndefined(parsed.trace),
        html: Option.getOrUndefined(parsed.html)
      })
    )
)
