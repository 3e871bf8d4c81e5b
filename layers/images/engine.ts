/**
 * The DPU's own container engine as a source: an image that it holds is laid out
 * as an archive for one use. SONiC's images carry their version as a tag, beside
 * `latest`, and as the label `Tag`; the tag wins, and where there is none the
 * archive is given the name that the version asks for.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"

import { format, type ImageRef, same, sameRepository, split } from "../../src/model/image.ts"
import { ArchiveRejected, type ImageArchive, ImageNotFound } from "../../src/npu/image-source.ts"
import { sameId } from "../../src/npu/rows.ts"
import { judge } from "./archive.ts"
import { architectureOf, type EngineError, type EngineImage, get, listImages } from "./engine-client.ts"
import { fileBytes } from "./file-bytes.ts"
import { renameImage } from "./rename-image.ts"
import { spool, type SpoolOptions } from "./spool.ts"

export interface EngineOptions {
  readonly socketPath: string
  readonly spool: SpoolOptions
}

export interface EngineSource {
  readonly find: (image: ImageRef) => Effect.Effect<ImageArchive, ImageNotFound | ArchiveRejected, Scope.Scope>
  readonly architectureOf: (id: string) => Effect.Effect<string | undefined>
  readonly sizesOf: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, number>>
}

export const make = (options: EngineOptions): Effect.Effect<EngineSource> =>
  Effect.map(Effect.makeSemaphore(1), (turn) => {
    const { socketPath } = options
    const where = `the container engine at ${socketPath}`

    const find = Effect.fn("EngineSource.find")(function*(image: ImageRef) {
      const images = yield* Effect.mapError(listImages(socketPath), (error) => notThere(image, where, error))
      const ofRepository = images.filter((each) =>
        each.names.some((name) => sameRepository(split(name).repository, image.repository))
      )
      const tagged = ofRepository.filter((each) => each.names.some((name) => same(split(name), image)))
      const matches = tagged.length > 0 ? tagged : ofRepository.filter((each) => each.labels["Tag"] === image.tag)
      const [match, another] = matches
      if (match === undefined) {
        const held = ofRepository.flatMap((each) => each.names)
        return yield* new ImageNotFound({ image, searched: where, held })
      }
      const path = `${format(image)} of ${where}`
      if (another !== undefined) {
        return yield* new ArchiveRejected({
          path,
          reason: `two images there are of that version (${match.id}, ${another.id}); remove one of them`
        })
      }
      return yield* layOut(match, image, path)
    })

    /** One at a time: the room on the disk is meant for one. */
    const layOut = (match: EngineImage, image: ImageRef, path: string) =>
      Effect.gen(function*() {
        yield* Effect.acquireRelease(turn.take(1), () => turn.release(1))
        const name = match.names.find((each) => same(split(each), image))
        const saved = Effect.map(
          get(socketPath, `/images/${encodeURIComponent(name ?? match.id)}/get`),
          (response): AsyncIterable<Uint8Array> => name === undefined ? renameImage(response, format(image)) : response
        )
        const file = yield* spool(options.spool, match.size, saved)
        const judged = yield* judge(file)
        if (Either.isLeft(judged)) return yield* new ArchiveRejected({ path, reason: judged.left })
        const contents = judged.right
        if (!contents.names.some((each) => same(each, image))) {
          return yield* new ArchiveRejected({
            path,
            reason: `the engine saved it as ${contents.names.map(format).join(", ")}`
          })
        }
        return { path, image, ...contents, bytes: fileBytes(file.path, file.size, file.stamp, path) }
      }).pipe(
        Effect.catchTags({
          EngineError: (error) => new ArchiveRejected({ path, reason: error.reason }),
          SpoolError: (error) => new ArchiveRejected({ path, reason: error.reason }),
          UnusableFile: (error) => new ArchiveRejected({ path, reason: error.reason })
        })
      )

    return {
      find,
      architectureOf: (id) =>
        Effect.gen(function*() {
          const match = (yield* listImages(socketPath)).find((image) => sameId(id, image.id))
          const architecture = match === undefined ? "" : yield* architectureOf(socketPath, match.id)
          return architecture === "" ? undefined : architecture
        }).pipe(Effect.orElseSucceed(() => undefined)),
      sizesOf: (ids) =>
        listImages(socketPath).pipe(
          Effect.map((images) =>
            new Map(ids.flatMap((id): ReadonlyArray<readonly [string, number]> => {
              const match = images.find((image) => sameId(id, image.id))
              return match === undefined ? [] : [[id, match.size]]
            }))
          ),
          Effect.orElseSucceed(() => new Map<string, number>())
        )
    }
  })

const notThere = (image: ImageRef, where: string, error: EngineError): ImageNotFound =>
  new ImageNotFound({ image, searched: error.absent ? "" : `${where} (${error.reason})`, held: [] })
