/** All sources of images of a DPU as one: the folder of archives first, then its container engine, then what was kept. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

import type { ImageRef } from "../../src/model/image.ts"
import { ImageNotFound, ImageSource } from "../../src/npu/image-source.ts"
import * as Engine from "./engine.ts"
import * as Folder from "./folder.ts"
import * as Kept from "./kept.ts"
import { clean } from "./spool.ts"

export interface SourcesOptions {
  /** The folder of archives. */
  readonly directory: string
  /** Where archives are kept that the DPU may lose with a change of its own image, and how their names are made to last. */
  readonly kept: Pick<Kept.KeptOptions, "directory" | "sync">
  /** Where the engine's socket may be, and the folder in which its images are laid out; asked anew at each search. */
  readonly engine?: { readonly socketPath: string; readonly spoolDirectory: string }
}

/** A SONiC image has a gigabyte and a half; what is five times as large is none. */
const largest = 8 * 2 ** 30

/** Memory and audit need little; an upgrade of the DPU's own image needs more, and clears old ones away first. */
const keepFree = 256 * 2 ** 20

/**
 * `ImageSource` over all of them. What one holds in two versions, or cannot be
 * read, is refused as it is: the next is asked where the one before has nothing.
 */
export const layerSources = ({ directory, engine, kept: place }: SourcesOptions): Layer.Layer<ImageSource> =>
  Layer.effect(
    ImageSource,
    Effect.gen(function*() {
      const folder = yield* Folder.make(directory)
      const kept = yield* Kept.make({ ...place, keepFree })
      if (engine !== undefined) yield* clean(engine.spoolDirectory)
      const other = engine === undefined ? noEngine : yield* Engine.make({
        socketPath: engine.socketPath,
        spool: { directory: engine.spoolDirectory, largest, keepFree }
      })
      const find = (image: ImageRef) => orElse(folder.find(image), other.find(image))
      return {
        open: folder.open,
        find: (image) => orElse(find(image), kept.find(image)),
        keep: (images, spare) => kept.keep(images, spare, find),
        architectureOf: (id) =>
          Effect.flatMap(
            folder.architectureOf(id),
            (known) => known === undefined ? other.architectureOf(id) : Effect.succeed(known)
          ),
        sizesOf: (ids) =>
          Effect.map(
            Effect.all([kept.sizesOf(ids), other.sizesOf(ids), folder.sizesOf(ids)]),
            (sizes) => new Map(sizes.flatMap((some) => [...some]))
          )
      }
    })
  )

const noEngine: Engine.EngineSource = {
  find: (image) => new ImageNotFound({ image, searched: "", held: [] }),
  architectureOf: () => Effect.succeed(undefined),
  sizesOf: () => Effect.succeed(new Map())
}

const orElse = <A, E, R, F, S>(
  one: Effect.Effect<A, E | ImageNotFound, R>,
  other: Effect.Effect<A, F | ImageNotFound, S>
) =>
  Effect.catchIf(
    one,
    (error): error is ImageNotFound => error instanceof ImageNotFound,
    (first) => Effect.mapError(other, (second) => second instanceof ImageNotFound ? both(first, second) : second)
  )

const both = (first: ImageNotFound, second: ImageNotFound): ImageNotFound =>
  new ImageNotFound({
    image: first.image,
    searched: [first.searched, second.searched].filter((place) => place !== "").join(" or "),
    held: [...first.held, ...second.held]
  })
