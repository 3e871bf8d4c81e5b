import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

import { upgrade, withoutWait } from "../upgrade.ts"
import { millis, namedBy, timeout, verb } from "../verb.ts"

const to = namedBy("to").pipe(
  Options.withPseudoName("VERSION"),
  Options.withDescription(
    "A SONiC version in any spelling; by default the DPU's, with --stage-only the one that it boots next."
  ),
  Options.optional
)
const stageOnly = Options.boolean("stage-only").pipe(
  Options.withDescription("Bring the images to the NPU and switch nothing: ahead of the DPU's restart.")
)
const wait = Options.boolean("wait").pipe(
  Options.withDescription(
    "Wait for its end: exits 0 committed, 7 rolled back; timed out 6, or 5 where the NPU is not reachable then."
  )
)

export const command = verb(
  "upgrade",
  "Brings every service to a version as one set: staged, switched in order, on probation; back as it was when it fails.",
  {
    to,
    stageOnly,
    wait,
    timeout: timeout("How long to wait: 90, 90s, 20m; for ever by default. Ends the waiting, never the upgrade.")
  },
  (parsed) =>
    Effect.flatMap(
      millis(parsed.timeout, withoutWait),
      (limit) =>
        upgrade({
          to: Option.getOrUndefined(parsed.to),
          stageOnly: parsed.stageOnly,
          wait: parsed.wait,
          timeout: limit
        })
    )
)
