/**
 * A file for as long as it is used: it loses its name the moment that it is
 * made, so it is gone with the process that has it open, however that ends. What
 * a kill left between the two steps is removed at the next start.
 */
import type { FileHandle } from "node:fs/promises"
import { mkdir, open, rm, statfs, unlink } from "node:fs/promises"
import { join } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import { currentStamp, type RegularFile } from "./regular-file.ts"

/** The file cannot be written; `reason` is a sentence for people. */
export class SpoolError extends Data.TaggedError("SpoolError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

export interface SpoolOptions {
  readonly directory: string
  /** The largest file, bytes. */
  readonly largest: number
  /** What stays free on the disk whatever is spooled, bytes: memory and audit are on it. */
  readonly keepFree: number
}

/** Bytes between two looks at how much is free. */
const lookEvery = 32 * 1024 * 1024

/** Removes what an earlier process may have left. */
export const clean = (directory: string): Effect.Effect<void> =>
  Effect.catchAll(
    Effect.tryPromise(() => rm(directory, { recursive: true, force: true })),
    (error) => Effect.annotateLogs(Effect.logWarning("the spool folder cannot be removed"), { reason: String(error) })
  )

/** A spooled file, and the path by which this process can open it again. */
export interface Spooled extends RegularFile {
  readonly path: string
}

/**
 * Writes all that is read to a nameless file, which lasts as long as the scope.
 * Room for the `expected` bytes is made sure of before anybody is asked for them.
 */
export const spool = <E, R>(
  options: SpoolOptions,
  expected: number,
  open: Effect.Effect<AsyncIterable<Uint8Array>, E, R>
): Effect.Effect<Spooled, SpoolError | E, R | Scope.Scope> =>
  Effect.gen(function*() {
    const handle = yield* Effect.acquireRelease(
      attempt(() => openNameless(options, expected)),
      (opened) => Effect.ignore(Effect.tryPromise(() => opened.close()))
    )
    const bytes = yield* open
    const size = yield* attempt((signal) => fill(handle, options, bytes, signal))
    const stamp = yield* Effect.mapError(currentStamp(handle), ({ reason }) => new SpoolError({ reason }))
    return { handle, size, stamp, path: `/proc/self/fd/${handle.fd}` }
  })

const attempt = <A>(action: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, SpoolError> =>
  Effect.tryPromise({ try: action, catch: (cause) => new SpoolError({ reason: explain(cause) }) })

/** A sentence that needs no further words. */
class Refusal extends Error {}

const openNameless = async (options: SpoolOptions, expected: number): Promise<FileHandle> => {
  if (expected > options.largest) {
    throw new Refusal(`it has ${expected} bytes; at most ${options.largest} are laid out on the disk`)
  }
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  await makeSure(options, expected)
  const path = join(options.directory, `image-${process.pid}.tar`)
  const handle = await open(path, "wx+", 0o600)
  await unlink(path)
  return handle
}

const makeSure = async ({ directory, keepFree }: SpoolOptions, wanted: number): Promise<void> => {
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  if (free < wanted + keepFree) {
    throw new Refusal(
      `it needs ${wanted} bytes of room in ${directory} and ${keepFree} are to stay free; there are ${free}`
    )
  }
}

const fill = async (
  handle: FileHandle,
  options: SpoolOptions,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal
): Promise<number> => {
  let size = 0
  let nextLook = lookEvery
  for await (const piece of bytes) {
    signal.throwIfAborted()
    if (size + piece.length > options.largest) {
      throw new Refusal(`it has more than ${options.largest} bytes, the most that is laid out on the disk`)
    }
    for (let written = 0; written < piece.length;) {
      written += (await handle.write(piece, written, piece.length - written)).bytesWritten
    }
    size += piece.length
    if (size >= nextLook) {
      nextLook = size + lookEvery
      await makeSure(options, 0)
    }
  }
  return size
}

const explain = (cause: unknown): string => {
  if (cause instanceof Refusal) return cause.message
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  if (code === "ENOSPC" || code === "EDQUOT") return "the disk is full"
  return `it could not be laid out on the disk: ${cause instanceof Error ? cause.message : String(cause)}`
}
