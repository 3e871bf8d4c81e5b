import { plan } from "../plan.ts"
import { output, verb } from "../verb.ts"

export const command = verb(
  "plan",
  "Says what is done about versions now and why, what it waits for and what comes next. Does nothing itself.",
  { output },
  (parsed) => plan({ output: parsed.output })
)
