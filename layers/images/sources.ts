/** All sources of images of a DPU as one: the folder of archives first, then its container engine. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

import { ImageNotFound, ImageSource } from "../../src/npu/image-source.ts"
import * as Engine from "./engine.ts"
import * as Folder from "./folder.ts"
import { clean } from "./spool.ts"

export interface SourcesOptions {
  /** The folder of archives. */
  readonly directory: string
  /** Where the engine's socket may be, and the folder in which its images are laid out; asked anew at each search. */
  readonly engine?: { readonly socketPath: string; readonly spoolDirectory: string }
}

/** A SONiC image has a gigabyte and a half; what is five times as large is none. */
const largest = 8 * 2 ** 30

/** Memory and audit need little; an upgrade of the DPU's own image needs more, and clears old ones away first. */
const keepFree = 256 * 2 ** 20

/**
 * `ImageSource` over both. What the folder holds in two versions, or cannot be
 * read, is refused as it is: the engine is asked where the folder has nothing.
 */
export const layerSources = ({ directory, engine }: SourcesOptions): Layer.Layer<ImageSource> =>
  Layer.effect(
    ImageSource,
    Effect.gen(function*() {
      const folder = yield* Folder.make(directory)
      if (engine === undefined) return folder
      yield* clean(engine.spoolDirectory)
      const other = yield* Engine.make({
        socketPath: engine.socketPath,
        spool: { directory: engine.spoolDirectory, largest, keepFree }
      })
      return {
        open: folder.open,
        find: (image) =>
          Effect.catchTag(folder.find(image), "ImageNotFound", (first) =>
            Effect.catchTag(other.find(image), "ImageNotFound", (second) =>
              both(first, second))),
        architectureOf: (id) =>
          Effect.flatMap(
            folder.architectureOf(id),
            (known) =>
              known === undefined ? other.architectureOf(id) : Effect.succeed(known)
          ),
        sizesOf: (ids) =>
          Effect.zipWith(
            folder.sizesOf(ids),
            other.sizesOf(ids),
            (archives, images) => new Map([...images, ...archives])
          )
      }
    })
  )

const both = (first: ImageNotFound, second: ImageNotFound): ImageNotFound =>
  new ImageNotFound({
    image: first.image,
    searched: [first.searched, second.searched].filter((place) => place !== "").join(" or "),
    held: [...first.held, ...second.held]
  })
