/** The image source of a DPU: a folder of archives, found by what they hold, whatever they are called. */
import { readdir } from "node:fs/promises"
import { join } from "node:path"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"

import { format, type ImageRef, same } from "../../src/model/image.ts"
import {
  ArchiveRejected,
  type ImageArchive,
  ImageNotFound,
  ImageSource,
  type ImageSourceService
} from "../../src/npu/image-source.ts"
import { sameId } from "../../src/npu/rows.ts"
import { judge } from "./archive.ts"
import { checksumEnding, promisedChecksum } from "./checksum.ts"
import type { Contents, Judged } from "./contents.ts"
import { fileBytes } from "./file-bytes.ts"
import { explain, openRegularFile } from "./regular-file.ts"

/** Judgements remembered; more than the archives that any DPU has. */
const mostRemembered = 256

/**
 * `ImageSource` over the archives that lie directly in `directory` (an absolute
 * path). The folder may come, go and change at any time: it is read anew for
 * each search, and an archive is read through once for as long as it does not
 * change.
 */
export const layerFolder = (options: { readonly directory: string }): Layer.Layer<ImageSource> =>
  Layer.effect(ImageSource, make(options.directory))

/** The same as a value, to be one source of several. */
export const make = (directory: string): Effect.Effect<ImageSourceService> =>
  Effect.gen(function*() {
    const remembered = new Map<string, { readonly judged: Judged<Contents>; readonly size: number }>()
    // One archive is read at a time: the disk gains nothing by two, and a second search finds the first one's result.
    const turn = yield* Effect.makeSemaphore(1)

    const read = (path: string): Effect.Effect<FoundArchive, ArchiveRejected> =>
      Effect.gen(function*() {
        const file = yield* openRegularFile(path)
        const promised = yield* promisedChecksum(path)
        const key = `${path}\0${file.stamp}\0${promised ?? ""}`
        const judged = remembered.get(key)?.judged ?? (yield* judge(file, promised))
        remembered.delete(key)
        remembered.set(key, { judged, size: file.size })
        for (const oldest of remembered.keys()) {
          if (remembered.size <= mostRemembered) break
          remembered.delete(oldest)
        }
        return Either.isRight(judged)
          ? { path, contents: judged.right, size: file.size, stamp: file.stamp }
          : yield* new ArchiveRejected({ path, reason: judged.left })
      }).pipe(
        Effect.scoped,
        turn.withPermits(1),
        Effect.catchTag("UnusableFile", (error) => new ArchiveRejected({ path, reason: error.reason }))
      )

    const known = (id: string) => {
      for (const { judged, size } of remembered.values()) {
        if (Either.isRight(judged) && sameId(id, judged.right.configDigest)) return { ...judged.right, size }
      }
      return undefined
    }

    return {
      architectureOf: (id) =>
        Effect.sync(() => {
          const { architecture = "" } = known(id) ?? {}
          return architecture === "" ? undefined : architecture
        }),
      keep: (images) =>
        Effect.succeed(
          images.map((image) => ({ image, reason: `nothing is kept beside the archives in ${directory}` }))
        ),
      sizesOf: (ids) =>
        Effect.sync(() =>
          new Map(ids.flatMap((id): ReadonlyArray<readonly [string, number]> => {
            const image = known(id)
            return image === undefined ? [] : [[id, image.size]]
          }))
        ),
      open: Effect.fn("ImageSource.open")(function*(path: string) {
        const found = yield* read(path)
        return toArchive(found, found.contents.names[0]!)
      }),
      find: Effect.fn("ImageSource.find")(function*(image: ImageRef) {
        const names = yield* filesIn(directory)
        if (names === undefined) {
          return yield* new ImageNotFound({ image, searched: `${directory} (there is no such folder)`, held: [] })
        }
        const results = yield* Effect.forEach(names, (name) => Effect.either(read(join(directory, name))))
        const usable = results.filter(Either.isRight).map((result) => result.right)
        const matches = usable.filter((found) => found.contents.names.some((name) => same(name, image)))
        const [first, ...others] = matches
        if (first === undefined) {
          const held = results.flatMap((result, index) =>
            Either.isRight(result)
              ? result.right.contents.names.map(format)
              : [`${names[index]} (unusable: ${result.left.reason})`]
          )
          return yield* new ImageNotFound({ image, searched: directory, held })
        }
        const other = others.find((found) => found.contents.configDigest !== first.contents.configDigest)
        if (other !== undefined) {
          return yield* new ArchiveRejected({
            path: other.path,
            reason: `it holds ${format(image)}, and so does ${first.path} with other content; remove one of them`
          })
        }
        return toArchive(first, image)
      })
    }
  })

interface FoundArchive {
  readonly path: string
  readonly contents: Contents
  readonly size: number
  readonly stamp: string
}

const toArchive = (found: FoundArchive, image: ImageRef): ImageArchive => ({
  path: found.path,
  image,
  ...found.contents,
  bytes: fileBytes(found.path, found.size, found.stamp)
})

/** Names of what may be archives, in one order: folders inside are not looked at. Undefined where there is no folder. */
const filesIn = (directory: string): Effect.Effect<ReadonlyArray<string> | undefined, ArchiveRejected> =>
  Effect.tryPromise({
    try: async () =>
      (await readdir(directory, { withFileTypes: true }))
        .filter((entry) => entry.isFile() || entry.isSymbolicLink())
        .map((entry) => entry.name)
        .filter((name) => !name.endsWith(checksumEnding))
        .sort(),
    catch: (cause) => cause
  }).pipe(Effect.catchAll((cause) =>
    codeOf(cause) === "ENOENT"
      ? Effect.succeed(undefined)
      : new ArchiveRejected({ path: directory, reason: explainFolder(cause) })
  ))

const codeOf = (cause: unknown): unknown => cause instanceof Error && "code" in cause ? cause.code : undefined

const explainFolder = (cause: unknown): string => {
  if (codeOf(cause) === "ENOTDIR") return "it is not a folder; the image archives are looked for in a folder"
  return `the folder of image archives cannot be read: ${explain(cause)}`
}
