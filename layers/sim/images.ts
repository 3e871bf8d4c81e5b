/** The images of the simulated world: sound versions, and versions of which one image is bad in some way. */
import * as Effect from "effect/Effect"

import type { ContainerSpec } from "../../src/model/catalogue.ts"
import { format, type ImageRef } from "../../src/model/image.ts"
import {
  ArchiveRejected,
  type ImageArchive,
  ImageNotFound,
  type ImageSourceService
} from "../../src/npu/image-source.ts"
import { sameId } from "../../src/npu/rows.ts"
import { Chance } from "../../src/simulate/chance.ts"
import { unobtainable } from "../../src/simulate/surroundings.ts"
import { type Behaviour, behaviourLabel, ofLabels } from "../npu-sim/engine/behaviour.ts"
import type { ArchiveDescription, ArchivedImage } from "../npu-sim/engine/core.ts"
import type { Engine } from "../npu-sim/engine/engine.ts"
import { describedSource } from "../npu-sim/wire-deploy.ts"

/** Sound versions that every DPU's folder of images holds; the first is what all begin with. */
export const versions = ["20260101.1", "20260101.2", "20260101.3", "20260101.4"] as const

/** What is bad about an image of a version; all its other images are sound. */
type Flaw =
  /** It runs, and behaves so; words of `behaviour.ts`. */
  | { readonly _tag: "Behaves"; readonly how: string }
  | { readonly _tag: "Absent" }
  /** Its archive cannot be read to the end. */
  | { readonly _tag: "Corrupt" }
  /** More than the NPU's disk takes. */
  | { readonly _tag: "Huge" }
  | { readonly _tag: "WrongArchitecture" }

const flaws: Readonly<Record<string, { readonly repository: string; readonly flaw: Flaw }>> = {
  "20260202.1": { repository: "docker-dash-ha", flaw: { _tag: "Behaves", how: "crash-at-start" } },
  "20260202.2": { repository: "docker-database", flaw: { _tag: "Behaves", how: "crash-at-start" } },
  "20260202.3": { repository: "docker-sonic-gnmi", flaw: { _tag: "Behaves", how: "crash-after:60s" } },
  "20260202.4": { repository: "docker-sonic-gnmi", flaw: { _tag: "Behaves", how: "never-healthy" } },
  "20260202.5": { repository: "docker-sonic-gnmi", flaw: { _tag: "Absent" } },
  "20260202.6": { repository: "docker-dash-ha", flaw: { _tag: "Corrupt" } },
  "20260202.7": { repository: "docker-database", flaw: { _tag: "Huge" } },
  "20260202.8": { repository: "docker-dash-ha", flaw: { _tag: "WrongArchitecture" } },
  "20260202.9": { repository: "docker-dash-ha", flaw: { _tag: "Behaves", how: "bad-command" } }
}

export const badVersions = Object.keys(flaws)
export const allVersions: ReadonlyArray<string> = [...versions, ...badVersions]

const flawOf = ({ repository, tag }: ImageRef): Flaw | undefined => {
  const bad = flaws[tag]
  return bad?.repository === repository ? bad.flaw : undefined
}

/** How containers of an image behave, by itself. */
export const behaviourOf = (image: ImageRef): Behaviour => ofLabels(labelsOf(image))

const labelsOf = (image: ImageRef): Readonly<Record<string, string>> => {
  const flaw = flawOf(image)
  return { [behaviourLabel]: `healthy-after:1500ms${flaw?._tag === "Behaves" ? ` ${flaw.how}` : ""}` }
}

/** Bytes of every sound image; the NPU's disk has room for some eighty. */
const imageBytes = 100e6
const hugeBytes = 9e9

const archived = (image: ImageRef): ArchivedImage => ({
  configDigest: digestOf(format(image)),
  repoTags: [format(image)],
  architecture: architectureOf(image),
  labels: labelsOf(image)
})

const architectureOf = (image: ImageRef): string => flawOf(image)?._tag === "WrongArchitecture" ? "amd64" : "arm64"

const describe = (image: ImageRef): ArchiveDescription => ({
  images: [archived(image)],
  unpackedBytes: flawOf(image)?._tag === "Huge" ? hugeBytes : imageBytes
})

/** Puts an image into the NPU's store, where there is room for it. */
export const load = (engine: Engine, repository: string, tag: string): void => {
  engine.preload(describe({ repository, tag }))
}

/** Where a DPU's folder has the archive of an image; of no version, none is there. */
export const archivePath = (repository: string, version: string | null): string =>
  `/images/${repository}-${version ?? "none"}.tar`

export const imagesFolder = (specs: ReadonlyArray<ContainerSpec>): ImageSourceService => {
  const held = new Map<string, ImageArchive>()
  const byPath = new Map<string, ImageArchive>()
  let keeps = 0
  for (const { repository } of specs) {
    if (repository === unobtainable) continue
    for (const tag of allVersions) {
      const image = { repository, tag }
      if (flawOf(image)?._tag === "Absent") continue
      const archive: ImageArchive = {
        path: archivePath(repository, tag),
        image,
        names: [image],
        configDigest: digestOf(format(image)),
        architecture: architectureOf(image),
        bytes: describedSource(describe(image), imageBytes)
      }
      held.set(format(image), archive)
      byPath.set(archive.path, archive)
    }
  }
  const readable = (archive: ImageArchive): Effect.Effect<ImageArchive, ArchiveRejected> =>
    flawOf(archive.image)?._tag === "Corrupt"
      ? Effect.fail(new ArchiveRejected({ path: archive.path, reason: "it ends in the middle" }))
      : Effect.succeed(archive)
  const find: ImageSourceService["find"] = (image) =>
    Effect.suspend((): Effect.Effect<ImageArchive, ImageNotFound | ArchiveRejected> => {
      const archive = held.get(format(image))
      return archive === undefined
        ? Effect.fail(new ImageNotFound({ image, searched: "/images", held: [...held.keys()] }))
        : readable(archive)
    })
  const open: ImageSourceService["open"] = (path) =>
    Effect.suspend(() => {
      const archive = byPath.get(path)
      return archive === undefined
        ? Effect.fail(new ArchiveRejected({ path, reason: "there is no such file" }))
        : readable(archive)
    })
  return {
    find,
    open,
    architectureOf: (id) =>
      Effect.sync(() => [...held.values()].find(({ configDigest }) => sameId(id, configDigest))?.architecture),
    // It takes its time, and now and then there is no room.
    keep: (images) => {
      keeps += 1
      const reason = keeps % 3 === 0 ? "there is no room" : undefined
      return Effect.delay(Effect.succeed(images.map((image) => ({ image, reason }))), "2 seconds")
    },
    // What it had in its folder once.
    sizesOf: (ids) => Effect.sync(() => new Map(ids.map((id) => [id, imageBytes])))
  }
}

/** The config digest of an image of a version. */
export const digestFor = (image: ImageRef): string => digestOf(format(image))

/** Digits that look like a digest and are the same for the same name. */
const digestOf = (name: string): string => {
  const chance = new Chance(
    [...name].reduce((hash, character) => Math.imul(hash ^ character.charCodeAt(0), 0x01000193), 7)
  )
  return `sha256:${Array.from({ length: 8 }, () => (chance.word() >>> 0).toString(16).padStart(8, "0")).join("")}`
}
