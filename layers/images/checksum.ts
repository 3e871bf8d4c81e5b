/** The SHA-256 of a whole archive, where whoever made it wrote it down beside it as `sha256sum` does. */
import { createHash } from "node:crypto"
import { open } from "node:fs/promises"

import * as Effect from "effect/Effect"

import { explain, type RegularFile, UnusableFile } from "./regular-file.ts"

/** `image.tar` and `image.tar.sha256`. */
export const checksumEnding = ".sha256"

/** Bytes read at once. */
const readSize = 1024 * 1024

/** What stands beside the archive at `path`; undefined where nothing does. A file that names no digest fails. */
export const promisedChecksum = (path: string): Effect.Effect<string | undefined, UnusableFile> =>
  Effect.tryPromise({
    try: async () => {
      const handle = await open(path + checksumEnding)
      try {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0)
        return buffer.toString("latin1", 0, bytesRead)
      } finally {
        await handle.close()
      }
    },
    catch: (cause) => cause
  }).pipe(
    Effect.matchEffect({
      onFailure: (cause) =>
        cause instanceof Error && "code" in cause && cause.code === "ENOENT"
          ? Effect.succeed(undefined)
          : new UnusableFile({ reason: `its checksum file cannot be used: ${explain(cause)}` }),
      onSuccess: (text) =>
        /^[0-9a-fA-F]{64}$/.test(text)
          ? Effect.succeed(text.toLowerCase())
          : new UnusableFile({ reason: `its checksum file (${checksumEnding}) does not begin with a SHA-256` })
    })
  )

/** Hexadecimal, of the whole file. Interruption stops the reading. */
export const checksumOf = (file: RegularFile): Effect.Effect<string, UnusableFile> =>
  Effect.tryPromise({
    try: async (signal) => {
      const hash = createHash("sha256")
      const buffer = Buffer.allocUnsafeSlow(readSize)
      for (let position = 0; position < file.size && !signal.aborted;) {
        const { bytesRead } = await file.handle.read(buffer, 0, readSize, position)
        if (bytesRead === 0) break
        hash.update(buffer.subarray(0, bytesRead))
        position += bytesRead
      }
      return hash.digest("hex")
    },
    catch: (cause) => new UnusableFile({ reason: explain(cause) })
  })
