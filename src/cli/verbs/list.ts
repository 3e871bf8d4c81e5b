import * as Options from "@effect/cli/Options"

import { list } from "../list.ts"
import { output, verb } from "../verb.ts"

const check = Options.boolean("check").pipe(
  Options.withDescription("Exit 3 where something that is desired running is not seen running.")
)

export const command = verb("list", "Lists the containers of this DPU on the NPU.", { output, check }, list)
