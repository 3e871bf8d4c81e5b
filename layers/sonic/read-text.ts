/** Small text files of the switch, read with an eye on what may stand in their place. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** Larger than any of them by far, bytes. */
const largest = 1024 * 1024

/**
 * The text, or a sentence for people that says why there is none. Never fails, never
 * hangs on a FIFO. Read in one go: each of the four calls would otherwise wake a
 * thread and be waited for, which for the file that is looked at again and again
 * costs more than the reading.
 */
export const readText = (path: string): Effect.Effect<Either.Either<string, string>> =>
  Effect.sync(() => {
    try {
      const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
      try {
        const stat = fstatSync(file)
        if (!stat.isFile()) return Either.left(`${path} is not a regular file`)
        if (stat.size > largest) return Either.left(`${path} has ${stat.size} bytes; at most ${largest} are read`)
        return Either.right(readFileSync(file, "utf8"))
      } finally {
        closeSync(file)
      }
    } catch (cause) {
      return Either.left(explain(path, cause))
    }
  })

const explain = (path: string, cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "ENOENT" || code === "ENOTDIR") return `${path} is not there`
  if (code === "EACCES" || code === "EPERM") return `reading ${path} is not permitted`
  return `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
}
