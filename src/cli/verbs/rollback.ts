import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"

import { rollback, withoutWait } from "../upgrade.ts"
import { millis, timeout, verb } from "../verb.ts"

const wait = Options.boolean("wait").pipe(
  Options.withDescription("Wait until the earlier set runs; timed out 6, or 5 where the NPU is not reachable then.")
)

export const command = verb(
  "rollback",
  "Undoes the upgrade under way, or goes back to the set before the last one; what it leaves goes into quarantine.",
  {
    wait,
    timeout: timeout("How long to wait: 90, 90s, 20m; for ever by default. Ends the waiting, never the rollback.")
  },
  (parsed) =>
    Effect.flatMap(
      millis(parsed.timeout, withoutWait),
      (limit) => rollback({ wait: parsed.wait, timeout: limit })
    )
)
