import { images } from "../images.ts"
import { output, verb } from "../verb.ts"

export const command = verb(
  "images",
  "What the NPU holds of the images of these services: for which version, used by whom, staged, in quarantine.",
  { output },
  (parsed) => images({ output: parsed.output })
)
