import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"

import { npuStatus } from "../npu-status.ts"
import { Usage } from "../problem.ts"
import { status } from "../status.ts"
import { container, output, verb } from "../verb.ts"

const npu = Options.boolean("npu").pipe(
  Options.withDescription("The NPU itself: whether it answers, what its server speaks and lacks, its clock.")
)

export const command = verb(
  "status",
  "Says how a container is, or all of them: why, what comes next, what you can do. Exits 3 where something is not as it should be.",
  { container: Args.optional(container), npu, output },
  (parsed) => {
    const name = Option.getOrUndefined(parsed.container)
    if (!parsed.npu) return status({ container: name, output: parsed.output })
    return name === undefined
      ? npuStatus(parsed.output)
      : new Usage({ message: "status: say a container or --npu, not both" })
  }
)
