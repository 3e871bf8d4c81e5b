import * as Options from "@effect/cli/Options"

import { policy } from "../policy.ts"
import { output, verb } from "../verb.ts"

const builtIn = Options.boolean("defaults").pipe(
  Options.withDescription("The built-in policy, which a policy file overrides; asks no daemon.")
)

export const command = verb(
  "policy",
  "Shows the policy that the daemon decides by, and the time line of retries that it makes.",
  { defaults: builtIn, output },
  policy
)
