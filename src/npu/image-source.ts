/** Where images come from: the archives that this DPU has or can make, found by what they hold. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import type { ImageRef } from "../model/image.ts"
import type { ByteSource } from "./wire.ts"

/** One image archive that has been read to its end and found sound. */
export interface ImageArchive {
  /** Where it is, for messages; what was made for this use alone has a description here. */
  readonly path: string
  /** The image asked for, or the archive's first name where none was asked. */
  readonly image: ImageRef
  /** Every name the archive carries; never empty. */
  readonly names: ReadonlyArray<ImageRef>
  /** `sha256:` and 64 hexadecimal digits; what ListImage's id is matched with. */
  readonly configDigest: string
  /** As OCI spells it: amd64, arm64, …; empty where the archive does not say. */
  readonly architecture: string
  /** The file as it is sent, compressed or not. */
  readonly bytes: ByteSource
}

/** No archive holds the image; `searched` says where, `held` what was found there, once for each archive. */
export class ImageNotFound extends Data.TaggedError("ImageNotFound")<{
  readonly image: ImageRef
  readonly searched: string
  readonly held: ReadonlyArray<string>
}> {
  override get message(): string {
    const wanted = `${this.image.repository}:${this.image.tag}`
    return this.held.length === 0
      ? `no archive in ${this.searched} holds ${wanted}: it holds no usable image archive`
      : `no archive in ${this.searched} holds ${wanted}; it has ${[...new Set(this.held)].join(", ")}`
  }
}

/** An archive that must not be sent; `reason` is a sentence for people. */
export class ArchiveRejected extends Data.TaggedError("ArchiveRejected")<{
  readonly path: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.path}: ${this.reason}`
  }
}

/** Whether an archive was kept; `reason`, a clause, says why not. */
export interface Kept {
  readonly image: ImageRef
  readonly reason: string | undefined
}

export interface ImageSourceService {
  /**
   * The archive that holds exactly this image, whatever its file is called. It
   * may be made for the purpose, and is gone with the scope.
   */
  readonly find: (image: ImageRef) => Effect.Effect<ImageArchive, ImageNotFound | ArchiveRejected, Scope.Scope>
  /** The archive at this absolute path; regular files only. */
  readonly open: (path: string) => Effect.Effect<ImageArchive, ArchiveRejected>
  /**
   * The architecture of the image of which an engine shows this id, as OCI spells
   * it; undefined where no archive with that config is known without reading one.
   */
  readonly architectureOf: (id: string) => Effect.Effect<string | undefined>
  /**
   * Copies the archives of these images to where they outlast a change of the
   * DPU's own image, as far as they can be found and there is room; `find` finds
   * them there when no other place has them. Removes others that were kept
   * before, but for those to spare.
   */
  readonly keep: (images: ReadonlyArray<ImageRef>, spare: ReadonlyArray<ImageRef>) => Effect.Effect<ReadonlyArray<Kept>>
  /** Bytes of the images with these ids as this DPU has them, by id; those that are known without reading an archive. */
  readonly sizesOf: (ids: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, number>>
}

export class ImageSource extends Context.Tag("offloader/ImageSource")<ImageSource, ImageSourceService>() {}
