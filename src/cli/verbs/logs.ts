import * as Options from "@effect/cli/Options"

import { logs } from "../logs.ts"
import { container, verb } from "../verb.ts"

const follow = Options.boolean("follow").pipe(
  Options.withAlias("f"),
  Options.withDescription("Go on with what it says until it stops, or until Ctrl-C.")
)

const previous = Options.boolean("previous").pipe(
  Options.withAlias("p"),
  Options.withDescription("The last of what the instance that ended last said, as far as it was kept.")
)

export const command = verb(
  "logs",
  "Shows what a container says. Control characters are spelled out.",
  { container, follow, previous },
  logs
)
