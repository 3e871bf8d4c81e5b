/**
 * OCI layouts in a tar: `index.json` leads to a manifest, that to config and
 * layers, all under `blobs/sha256/`. The names are in the index's annotations.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

import { type Claim, decodeText, type Judged, memberOf } from "./contents.ts"
import type { Member, Scan } from "./scan.ts"

export const indexName = "index.json"

/** The one image that the index leads to. */
export const readOciIndex = (scan: Scan, index: Member): Judged<Claim> =>
  Either.gen(function*() {
    const described = yield* decodeText(Index, index, `its ${indexName}`)
    const images = described.manifests.filter(isImage)
    const names = images.flatMap(nameOf)
    const outer = yield* only(images, names, `its ${indexName}`)
    const who = `its ${indexName} names`
    const blob = yield* memberOf(scan, yield* blobName(outer.digest), who)
    const document = yield* decodeText(IndexOrManifest, blob, "its manifest")
    const manifest = "manifests" in document
      ? yield* innerManifest(scan, document.manifests.filter(isImage), names)
      : document
    return {
      names,
      config: yield* blobName(manifest.config.digest),
      layers: yield* Either.all(manifest.layers.map((layer) => blobName(layer.digest))),
      source: "its manifest"
    }
  })

/**
 * An index within the index lists one image for each platform. Engines save it
 * whole with the blobs of one platform only, so those that are absent are not meant.
 */
const innerManifest = (
  scan: Scan,
  platforms: ReadonlyArray<Descriptor>,
  names: ReadonlyArray<string>
): Judged<Manifest> =>
  Either.gen(function*() {
    const present = platforms.filter((each) => scan.members.has(each.digest.replace("sha256:", "blobs/sha256/")))
    const chosen = yield* only(present, names, "its image index")
    const blob = yield* memberOf(scan, yield* blobName(chosen.digest), "its image index names")
    return yield* decodeText(Manifest, blob, "its manifest")
  })

const only = (
  images: ReadonlyArray<Descriptor>,
  names: ReadonlyArray<string>,
  what: string
): Judged<Descriptor> => {
  const first = images[0]
  if (first === undefined) return Either.left(`${what} names no image that is in the archive`)
  const distinct = new Set(images.map((image) => image.digest)).size
  if (distinct === 1) return Either.right(first)
  const platforms = images.flatMap((image) => image.platform?.architecture ?? [])
  const listed = platforms.length === 0 ? names : platforms
  return Either.left(
    `it holds ${distinct} images${
      listed.length === 0 ? "" : ` (${listed.join(", ")})`
    }; an archive that can be sent holds one`
  )
}

const blobName = (digest: string): Judged<string> =>
  /^sha256:[0-9a-f]{64}$/.test(digest)
    ? Either.right(digest.replace("sha256:", "blobs/sha256/"))
    : Either.left(`it names ${JSON.stringify(digest)}, which is not a SHA-256 digest`)

/** containerd writes the whole name in its own annotation; OCI's may hold the tag alone. */
const nameOf = (descriptor: Descriptor): ReadonlyArray<string> => {
  const name = descriptor.annotations?.["io.containerd.image.name"]
    ?? descriptor.annotations?.["org.opencontainers.image.ref.name"]
  return name === undefined ? [] : [name]
}

/** Attestations stand beside the images that they are about. */
const isImage = (descriptor: Descriptor): boolean =>
  descriptor.platform?.os !== "unknown"
  && descriptor.annotations?.["vnd.docker.reference.type"] !== "attestation-manifest"

const Descriptor = Schema.Struct({
  digest: Schema.String,
  annotations: Schema.optional(Schema.NullOr(Schema.Record({ key: Schema.String, value: Schema.String }))),
  platform: Schema.optional(
    Schema.NullOr(Schema.Struct({ architecture: Schema.optional(Schema.String), os: Schema.optional(Schema.String) }))
  )
})
type Descriptor = typeof Descriptor.Type

const Index = Schema.Struct({ manifests: Schema.Array(Descriptor) })

const Manifest = Schema.Struct({
  config: Schema.Struct({ digest: Schema.String }),
  layers: Schema.Array(Schema.Struct({ digest: Schema.String }))
})
type Manifest = typeof Manifest.Type

const IndexOrManifest = Schema.Union(Manifest, Index)
