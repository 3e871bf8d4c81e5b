/**
 * Archives that are kept in the state folder, which outlasts a change of the
 * DPU's own image: copied whole, with their SHA-256 beside them, and read like
 * any folder of archives. A file is there whole or not at all; what a kill left
 * half written lies apart, and goes at the next start.
 */
import { createHash } from "node:crypto"
import { mkdir, open, readdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"

import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import { format, type ImageRef } from "../../src/model/image.ts"
import {
  type ArchiveRejected,
  type ImageArchive,
  ImageNotFound,
  type ImageSourceService,
  type Kept
} from "../../src/npu/image-source.ts"
import type { ByteReader } from "../../src/npu/wire.ts"
import { checksumEnding } from "./checksum.ts"
import { type DiskRoom, knownFailure, makeSure, pour } from "./disk-room.ts"
import * as Folder from "./folder.ts"
import { explain } from "./regular-file.ts"
import { clean } from "./spool.ts"

export interface KeptArchives extends Pick<ImageSourceService, "find" | "sizesOf"> {
  /** `find`: where else an archive may be. */
  readonly keep: (
    images: ReadonlyArray<ImageRef>,
    spare: ReadonlyArray<ImageRef>,
    find: (image: ImageRef) => Effect.Effect<ImageArchive, ImageNotFound | ArchiveRejected, Scope.Scope>
  ) => Effect.Effect<ReadonlyArray<Kept>>
}

/** Bytes read and written at once. */
const pieceSize = 1024 * 1024
/** A gigabyte and a half at 2 MB a second, which a worn flash still does; the upgrade waits for no more. */
const longest = Duration.minutes(15)

/** The archive is not kept; `message` is a clause for people. */
class NotKept extends Data.TaggedError("NotKept")<{ readonly message: string }> {}

export interface KeptOptions extends DiskRoom {
  /** Makes the names in a folder last: the state folder's own way to do it. */
  readonly sync: (folder: string) => Promise<void>
}

export const make = ({ sync, ...room }: KeptOptions): Effect.Effect<KeptArchives> =>
  Effect.gen(function*() {
    const { directory } = room
    /** Folders in a folder of archives are not looked at. */
    const incoming = join(directory, "incoming")
    yield* clean(incoming)
    const folder = yield* Folder.make(directory)

    const keepOne = Effect.fnUntraced(
      function*(image: ImageRef, find: Parameters<KeptArchives["keep"]>[2]) {
        if (yield* Effect.isSuccess(folder.find(image))) return
        const archive = yield* find(image)
        const reader = yield* archive.bytes.open
        yield* attempt((signal) => copy(reader, archive.bytes.size, fileName(image), signal))
      },
      Effect.scoped,
      Effect.timeoutFail({
        duration: longest,
        onTimeout: () => new NotKept({ message: `it was not copied within ${Duration.format(longest)}` })
      })
    )

    const copy = async (reader: ByteReader, size: number, name: string, signal: AbortSignal): Promise<void> => {
      await mkdir(incoming, { recursive: true, mode: 0o700 })
      const [part, sum] = [join(incoming, name), join(incoming, name + checksumEnding)]
      try {
        await makeSure(room, size)
        await write(sum, `${await copyTo(part, reader, signal)}  ${name}\n`)
        // The sum first: beside a file that it does not fit it is a damaged one, and copied anew.
        await rename(sum, join(directory, name + checksumEnding))
        await rename(part, join(directory, name))
        await sync(directory)
      } finally {
        await rm(part, { force: true })
        await rm(sum, { force: true })
      }
    }

    /** Returns the SHA-256 of what was written. */
    const copyTo = async (path: string, reader: ByteReader, signal: AbortSignal): Promise<string> => {
      const handle = await open(path, "w", 0o600)
      try {
        const hash = createHash("sha256")
        await pour(handle, room, pieces(reader), signal, (piece) => hash.update(piece))
        await handle.sync()
        return hash.digest("hex")
      } finally {
        await handle.close()
      }
    }

    /** What is neither wanted nor to be spared makes room first. */
    const prune = async (images: ReadonlyArray<ImageRef>): Promise<void> => {
      const names = new Set(images.map(fileName).flatMap((name) => [name, name + checksumEnding]))
      for (const entry of await readdir(directory, { withFileTypes: true })) {
        if (entry.isFile() && !names.has(entry.name)) await rm(join(directory, entry.name), { force: true })
      }
    }

    return {
      find: (image) =>
        Effect.catchTag(folder.find(image), "ImageNotFound", (error) =>
          // A place that never had anything is none to name.
          new ImageNotFound(error.held.length > 0 ? error : { image, searched: "", held: [] })),
      sizesOf: folder.sizesOf,
      keep: Effect.fn("KeptArchives.keep")(function*(images, spare, find) {
        yield* Effect.ignore(attempt(() => prune([...images, ...spare])))
        return yield* Effect.forEach(images, (image) =>
          Effect.match(keepOne(image, find), {
            onSuccess: (): Kept => ({ image, reason: undefined }),
            onFailure: (error): Kept => ({ image, reason: error.message })
          }))
      })
    }
  })

const attempt = (action: (signal: AbortSignal) => Promise<void>): Effect.Effect<void, NotKept> =>
  Effect.tryPromise({
    try: action,
    catch: (cause) => new NotKept({ message: knownFailure(cause) ?? explain(cause) })
  })

/** Each is valid until the next is asked for. */
async function* pieces(reader: ByteReader): AsyncGenerator<Uint8Array> {
  for (let piece = await reader.read(pieceSize); piece !== undefined; piece = await reader.read(pieceSize)) yield piece
}

const write = async (path: string, text: string): Promise<void> => {
  const handle = await open(path, "w", 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** One for each image: a name holds what no file's may, so its digest tells those apart that look alike. */
const fileName = (image: ImageRef): string => {
  const name = format(image)
  const digest = createHash("sha256").update(name).digest("hex").slice(0, 12)
  return `${name.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 120)}-${digest}.tar`
}
