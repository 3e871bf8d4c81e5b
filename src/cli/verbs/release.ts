import * as Args from "@effect/cli/Args"

import { order } from "../order.ts"
import { verb } from "../verb.ts"

const image = Args.text({ name: "image" }).pipe(
  Args.withDescription(
    "A version, NAME:TAG, or twelve or more digits of an image's digest, as \"offloadctl plan\" shows them."
  )
)

export const command = verb(
  "release",
  "Ends the quarantine of a set that failed: it may be tried again.",
  { image },
  (parsed) => order("release", { subject: parsed.image })
)
