import { intent } from "../intent-command.ts"

export const command = intent(
  "start",
  "running",
  "Starts a container and keeps it running: tries at once, also where the next try was due later, and waits until it runs."
)
