import { order } from "../order.ts"
import { verb } from "../verb.ts"

export const command = verb("resume", "Lets automatic upgrades go on.", {}, () => order("resume", {}))
