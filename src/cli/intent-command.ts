/** The command line that `start` and `stop` share. */
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"

import type { Desired } from "../control/views.ts"
import { intend } from "./intent.ts"
import { container, millis, timeout, verb } from "./verb.ts"

/** How long `start` and `stop` wait where nothing is said, in milliseconds. */
const defaultTimeout = 60_000

const noWait = Options.boolean("no-wait").pipe(
  Options.withDescription("Return as soon as the intent is recorded.")
)

export const intent = <Name extends string>(name: Name, desired: Desired, description: string) =>
  verb(
    name,
    description,
    {
      container,
      noWait,
      timeout: timeout("How long to wait: 90, 90s, 2m; a minute by default. Ends the waiting, never the intent.")
    },
    (parsed) =>
      Effect.flatMap(
        millis(parsed.timeout, "--no-wait does not wait at all"),
        (limit) =>
          intend(desired, { container: parsed.container, wait: !parsed.noWait, timeout: limit ?? defaultTimeout })
      )
  )
