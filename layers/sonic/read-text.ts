/** Small text files of the switch, read with an eye on what may stand in their place. */
import { constants } from "node:fs"
import { open } from "node:fs/promises"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** Larger than any of them by far, bytes. */
const largest = 1024 * 1024

/** The text, or a sentence for people that says why there is none. Never fails, never hangs on a FIFO. */
export const readText = (path: string): Effect.Effect<Either.Either<string, string>> =>
  Effect.promise(async () => {
    try {
      const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
      try {
        const stat = await handle.stat()
        if (!stat.isFile()) return Either.left(`${path} is not a regular file`)
        if (stat.size > largest) return Either.left(`${path} has ${stat.size} bytes; at most ${largest} are read`)
        return Either.right(await handle.readFile("utf8"))
      } finally {
        await handle.close()
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
