import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"

import { retry } from "../retry.ts"
import { container, output, verb } from "../verb.ts"

const all = Options.boolean("all").pipe(Options.withDescription("Every container of this DPU."))

export const command = verb(
  "retry",
  "Tries at once what waits for its next try: a start, a stop, a transfer. Changes no intent and forgives no failure.",
  { container: Args.optional(container), all, output },
  (parsed) => retry({ container: Option.getOrUndefined(parsed.container), all: parsed.all, output: parsed.output })
)
