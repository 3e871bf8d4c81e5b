/**
 * A file for as long as it is used: it loses its name the moment that it is
 * made, so it is gone with the process that has it open, however that ends. What
 * a kill left between the two steps is removed at the next start.
 */
import type { FileHandle } from "node:fs/promises"
import { mkdir, open, rm, unlink } from "node:fs/promises"
import { join } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import { type DiskRoom, knownFailure, makeSure, pour, Refusal } from "./disk-room.ts"
import { currentStamp, type RegularFile } from "./regular-file.ts"

/** The file cannot be written; `reason` is a sentence for people. */
export class SpoolError extends Data.TaggedError("SpoolError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

export interface SpoolOptions extends DiskRoom {
  /** The largest file, bytes. */
  readonly largest: number
}

/** Removes what an earlier process may have left. */
export const clean = (directory: string): Effect.Effect<void> =>
  Effect.catchAll(
    Effect.tryPromise({
      try: () => rm(directory, { recursive: true, force: true }),
      catch: (cause) => cause instanceof Error ? cause.message : String(cause)
    }),
    (reason) => Effect.annotateLogs(Effect.logWarning("the spool folder cannot be removed"), { reason })
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

const fill = (
  handle: FileHandle,
  options: SpoolOptions,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal
): Promise<number> =>
  pour(handle, options, bytes, signal, (_, size) => {
    if (size > options.largest) {
      throw new Refusal(`it has more than ${options.largest} bytes, the most that is laid out on the disk`)
    }
  })

const explain = (cause: unknown): string =>
  knownFailure(cause)
    ?? `it could not be laid out on the disk: ${cause instanceof Error ? cause.message : String(cause)}`
