/** What the binaries write to: a terminal, a pipe or a file. */
import { writeSync } from "node:fs"
import { isatty } from "node:tty"

import * as Effect from "effect/Effect"

import { codeOf, explain } from "../layers/state/file-errors.ts"
import { ClosedPipe, Unwritten } from "../src/cli/screen.ts"

/**
 * Written at once, by descriptor: `process.stdout` takes milliseconds to set up
 * at a start that has few. Where a pipe that does not block is full, it has to
 * serve after all.
 */
export const write = (descriptor: 1 | 2, text: string): Effect.Effect<void, ClosedPipe | Unwritten> =>
  Effect.suspend(() => {
    const bytes = Buffer.from(text, "utf8")
    let written = 0
    try {
      while (written < bytes.length) written += writeSync(descriptor, bytes, written)
      return Effect.void
    } catch (error) {
      if (codeOf(error) === "EAGAIN") return writeLater(descriptor, bytes.subarray(written))
      return unwritten(error)
    }
  })

const writeLater = (descriptor: 1 | 2, bytes: Uint8Array): Effect.Effect<void, ClosedPipe | Unwritten> =>
  Effect.async<void, ClosedPipe | Unwritten>((resume) => {
    const stream = descriptor === 1 ? process.stdout : process.stderr
    stream.once("error", (error) => resume(unwritten(error)))
    stream.write(bytes, (error) => resume(error ? unwritten(error) : Effect.void))
  })

const unwritten = (error: unknown): ClosedPipe | Unwritten =>
  codeOf(error) === "EPIPE"
    ? new ClosedPipe()
    : new Unwritten({ message: explain("writing the output", error) })

const noColour = (process.env["NO_COLOR"] ?? "") !== "" || process.env["TERM"] === "dumb"

/** Whether colours may be used there: a terminal, and no NO_COLOR. */
export const takesColour = (descriptor: 1 | 2): boolean => isatty(descriptor) && !noColour
