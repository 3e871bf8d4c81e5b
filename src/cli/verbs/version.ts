import { output, verb } from "../verb.ts"
import { version } from "../version.ts"

export const command = verb(
  "version",
  "Shows the versions of offloadctl, offloadd and the DPU's SONiC.",
  { output },
  version
)
