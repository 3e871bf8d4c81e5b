import * as Args from "@effect/cli/Args"
import * as Option from "effect/Option"

import { status } from "../status.ts"
import { container, output, verb } from "../verb.ts"

export const command = verb(
  "status",
  "Says how a container is, or all of them: why, what comes next, what you can do. Exits 3 where something is not as it should be.",
  { container: Args.optional(container), output },
  (parsed) => status({ container: Option.getOrUndefined(parsed.container), output: parsed.output })
)
