import * as Options from "@effect/cli/Options"

import { replay } from "../replay.ts"
import { named, output, verb } from "../verb.ts"

const file = named("file", "What \"offloadd --record FILE\" wrote.")

const differences = Options.boolean("differences").pipe(
  Options.withDescription("Only what this version decides otherwise than the one that recorded.")
)

export const command = verb(
  "replay",
  "Runs a recording of offloadd through the same judgement again; exits 1 where it decides otherwise now. Asks no daemon.",
  { file, differences, output },
  replay
)
