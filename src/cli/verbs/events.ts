import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"

import { events } from "../events.ts"
import { output, verb } from "../verb.ts"

const follow = Options.boolean("follow").pipe(
  Options.withAlias("f"),
  Options.withDescription("Go on with each new event, until Ctrl-C or until the daemon goes away (exit 4).")
)

const only = Options.text("container").pipe(
  Options.withPseudoName("NAME"),
  Options.withDescription("Only what concerns this container, by service or by instance."),
  Options.optional
)

export const command = verb(
  "events",
  "Shows what happened and what was decided. With -o json, a line of JSON for each event.",
  { follow, container: only, output },
  (parsed) =>
    events({ container: Option.getOrUndefined(parsed.container), follow: parsed.follow, output: parsed.output })
)
