import * as Args from "@effect/cli/Args"

import { doctor } from "../doctor.ts"
import { output, verb } from "../verb.ts"

const options = Args.text({ name: "offloadd-option" }).pipe(
  Args.withDescription(
    "The options of offloadd, such as --npu HOST:PORT; \"offloadd --help\" lists them, and its variables count too."
  ),
  Args.repeated
)

export const command = verb(
  "doctor",
  "Checks all that has to be right between this DPU and its NPU, with the cure for what is not; exits 1 where something failed. Needs no daemon.",
  { options, output },
  doctor
)
