/** Opening a file that a person or a folder named: regular files only, and clear words for what is not. */
import { constants } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { isAbsolute } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A file that cannot be used; `reason` is a sentence for people, without the path. */
export class UnusableFile extends Data.TaggedError("UnusableFile")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

/** An open file, and what tells it from any other content that the path may come to hold. */
export interface RegularFile {
  readonly handle: FileHandle
  /** Bytes, when it was opened. */
  readonly size: number
  /** Equal stamps: the same file with the same content. */
  readonly stamp: string
}

/**
 * Opens for reading, through symbolic links. O_NONBLOCK keeps a FIFO without a
 * writer from holding up the open; what is no regular file is closed again.
 */
export const openRegularFile = (path: string): Effect.Effect<RegularFile, UnusableFile, Scope.Scope> =>
  Effect.gen(function*() {
    if (!isAbsolute(path)) return yield* new UnusableFile({ reason: "the path must begin with \"/\"" })
    if (path.includes("\0")) return yield* new UnusableFile({ reason: "the path holds a NUL character" })
    const handle = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY),
        catch: (cause) => new UnusableFile({ reason: explain(cause) })
      }),
      (opened) => Effect.ignore(Effect.tryPromise(() => opened.close()))
    )
    const stat = yield* statOf(handle)
    if (stat.isDirectory()) return yield* new UnusableFile({ reason: "it is a folder, not an image archive" })
    if (!stat.isFile()) return yield* new UnusableFile({ reason: notRegular })
    return { handle, size: Number(stat.size), stamp: stampOf(stat) }
  })

/** The stamp that the open file has now. */
export const currentStamp = (handle: FileHandle): Effect.Effect<string, UnusableFile> =>
  Effect.map(statOf(handle), stampOf)

/** The same for the loop over the chunks of a transfer; rejects as `stat` does. */
export const currentStampPromise = async (handle: FileHandle): Promise<string> =>
  stampOf(await handle.stat({ bigint: true }))

/** What an error of the file system means, for people. */
export const explain = (cause: unknown): string => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  return sentences[code] ?? `it cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
}

const notRegular = "it is not a regular file"

const sentences: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file: a part of its path is a file, not a folder",
  EACCES: "reading it is not permitted",
  EPERM: "reading it is not permitted",
  ELOOP: "its symbolic links go round in a circle",
  ENAMETOOLONG: "its name is too long",
  ENXIO: notRegular,
  ENODEV: notRegular,
  EMFILE: "this process has too many files open",
  ENFILE: "this machine has too many files open",
  EIO: "the disk failed while it was read",
  ESTALE: "the file server no longer has it"
}

type Stat = Awaited<ReturnType<typeof statPromise>>

const statPromise = (handle: FileHandle) => handle.stat({ bigint: true })

const statOf = (handle: FileHandle): Effect.Effect<Stat, UnusableFile> =>
  Effect.tryPromise({ try: () => statPromise(handle), catch: (cause) => new UnusableFile({ reason: explain(cause) }) })

const stampOf = (stat: Stat): string => [stat.dev, stat.ino, stat.size, stat.mtimeNs].join("-")
