import * as Effect from "effect/Effect"

import { deploy } from "../deploy.ts"
import { millis, named, output, timeout, verb } from "../verb.ts"

const image = named("image", "An archive's path, or NAME:TAG as found in the daemon's images folder.")

export const command = verb(
  "deploy",
  "Sends an image to the NPU and verifies that it is listed there. Ctrl-C and --timeout cancel the transfer.",
  { image, timeout: timeout("When to cancel: 90, 90s, 2m; never by default."), output },
  (parsed) =>
    Effect.flatMap(
      millis(parsed.timeout),
      (limit) => deploy({ image: parsed.image, timeout: limit, output: parsed.output })
    )
)
