import { intent } from "../intent-command.ts"

export const command = intent(
  "stop",
  "stopped",
  "Stops a container and keeps it stopped, across crashes, upgrades and restarts of the daemon, until \"start\"; waits until it has stopped."
)
