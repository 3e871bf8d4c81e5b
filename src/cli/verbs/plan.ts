import { plan } from "../plan.ts"
import { output, verb } from "../verb.ts"

export const command = verb(
  "plan",
  "Says what is done about versions now and why, what it waits for and what comes next. Does nothing itself. Exits 3 where something stands in the way that needs you.",
  { output },
  (parsed) => plan({ output: parsed.output })
)
