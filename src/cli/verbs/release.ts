import { order } from "../order.ts"
import { named, verb } from "../verb.ts"

const image = named(
  "image",
  "A version, NAME:TAG, or twelve or more digits of an image's digest, as \"offloadctl plan\" shows them."
)

export const command = verb(
  "release",
  "Ends the quarantine of a set that failed: it may be tried again.",
  { image },
  (parsed) => order("release", { subject: parsed.image })
)
