import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"

import { events } from "../events.ts"
import { namedBy, output, verb } from "../verb.ts"

const follow = Options.boolean("follow").pipe(
  Options.withAlias("f"),
  Options.withDescription("Go on with each new event, until Ctrl-C or until the daemon goes away (exit 4).")
)

const only = namedBy("container").pipe(
  Options.withPseudoName("NAME"),
  Options.withDescription("Only what concerns this container, by service or by instance."),
  Options.optional
)

const operation = namedBy("operation").pipe(
  Options.withPseudoName("ID"),
  Options.withDescription(
    "Only what belongs to this operation, or to this upgrade and its steps, as far back as events are kept."
  ),
  Options.optional
)

const since = Options.text("since").pipe(
  Options.withPseudoName("TIME"),
  Options.withDescription("From then on: 90s, 2m, 1h ago, or 2026-02-01T03:22:29Z; by default the last thousand."),
  Options.optional
)

export const command = verb(
  "events",
  "Shows what happened, what was decided and who asked for it. With -o json, a line of JSON for each event.",
  { follow, container: only, operation, since, output },
  (parsed) =>
    events({
      container: Option.getOrUndefined(parsed.container),
      operation: Option.getOrUndefined(parsed.operation),
      since: Option.getOrUndefined(parsed.since),
      follow: parsed.follow,
      output: parsed.output
    })
)
