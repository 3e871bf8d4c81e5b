/** Which image the DPU boots next, as `sonic-installer list` tells it. */
import { execFile } from "node:child_process"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"

import { type NextReading, NextVersion } from "../../src/daemon/next-version.ts"
import { normalise } from "../../src/model/version.ts"

/** Milliseconds; it reads a few files. */
const timeout = 10_000

export const layer = (command = "sonic-installer"): Layer.Layer<never> =>
  Layer.succeed(
    NextVersion,
    Effect.async<NextReading>((resume) => {
      const child = execFile(command, ["list"], { timeout, maxBuffer: 65_536 }, (error, stdout) => {
        resume(Effect.succeed(
          error === null
            ? nextOf(stdout)
            : Either.left(
              `"${command} list" does not say which version the DPU boots next (${error.message.trim()}); say it with --to VERSION`
            )
        ))
      })
      return Effect.sync(() => void child.kill())
    })
  )

/** `Next: SONiC-OS-20250101.3`, a line of its own. */
export const nextOf = (text: string): NextReading => {
  const next = /^Next:\s*(\S+)\s*$/m.exec(text)?.[1]
  return next === undefined
    ? Either.left("\"sonic-installer list\" names no next image; say the version with --to VERSION")
    : Either.mapLeft(normalise(next), ({ reason }) => `the next image ${next}: ${reason}`)
}
