import { order } from "../order.ts"
import { verb } from "../verb.ts"

export const command = verb(
  "pause",
  "Pauses automatic upgrades, also across restarts. Recovery goes on, and so does what is being switched.",
  {},
  () => order("pause", {})
)
