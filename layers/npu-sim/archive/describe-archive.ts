/** What an archive's JSON members say: docker-save's `manifest.json`, or OCI's `index.json`. */
import { createHash } from "node:crypto"

import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

import type { ArchiveDescription, ArchivedImage } from "../engine/core.ts"

/** An archive's members as they came by. */
export interface Members {
  readonly seen: Set<string>
  /** The small JSON ones, whole. */
  readonly kept: Map<string, Uint8Array>
  /** Size of the tar, headers and padding included. */
  bytes: number
}

/** JSON members larger than this are not looked at, bytes. */
const largestMember = 2 ** 20

export const isKept = (name: string, size: number): boolean =>
  size > 0 && size <= largestMember && (name.endsWith(".json") || name.startsWith("blobs/"))

/** Left names what is missing or wrong. */
export const describe = (members: Members): Either.Either<ArchiveDescription, string> =>
  Either.map(
    members.kept.has("manifest.json") ? readDocker(members) : readOci(members),
    (images) => ({ images, unpackedBytes: members.bytes })
  )

type Images = Either.Either<ReadonlyArray<ArchivedImage>, string>

const strings = Schema.Record({ key: Schema.String, value: Schema.String })

const DockerManifest = Schema.parseJson(Schema.Array(Schema.Struct({
  Config: Schema.String,
  RepoTags: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  Layers: Schema.optional(Schema.NullOr(Schema.Array(Schema.String)))
})))

const Descriptor = Schema.Struct({
  digest: Schema.String.pipe(Schema.pattern(/^sha256:[0-9a-f]{64}$/)),
  annotations: Schema.optional(Schema.NullOr(strings))
})

const OciIndex = Schema.parseJson(Schema.Struct({ manifests: Schema.Array(Descriptor) }))

const OciManifest = Schema.parseJson(Schema.Struct({ config: Descriptor, layers: Schema.Array(Descriptor) }))

const Config = Schema.parseJson(Schema.Struct({
  architecture: Schema.optional(Schema.String),
  config: Schema.optional(Schema.NullOr(Schema.Struct({
    Labels: Schema.optional(Schema.NullOr(strings))
  })))
}))

const decode = <A>(
  schema: Schema.Schema<A, string>,
  members: Members,
  name: string
): Either.Either<A, string> => {
  const bytes = members.kept.get(name)
  if (bytes === undefined) return Either.left(`${name} is missing`)
  return Either.mapLeft(
    Schema.decodeUnknownEither(schema)(Buffer.from(bytes).toString("utf8")),
    () => `${name} cannot be read`
  )
}

const readDocker = (members: Members): Images =>
  Either.gen(function*() {
    const manifest = yield* decode(DockerManifest, members, "manifest.json")
    const images: Array<ArchivedImage> = []
    for (const entry of manifest) {
      const missing = (entry.Layers ?? []).find((layer) => !members.seen.has(layer))
      if (missing !== undefined) return yield* Either.left(`layer ${missing} is missing`)
      images.push(yield* readConfig(members, entry.Config, entry.RepoTags ?? []))
    }
    return images
  })

const readOci = (members: Members): Images =>
  Either.gen(function*() {
    const index = yield* decode(OciIndex, members, "index.json")
    const images: Array<ArchivedImage> = []
    for (const descriptor of index.manifests) {
      const blob = blobOf(descriptor.digest)
      const manifest = yield* decode(OciManifest, members, blob)
      const missing = manifest.layers.map((layer) => blobOf(layer.digest)).find((layer) => !members.seen.has(layer))
      if (missing !== undefined) return yield* Either.left(`layer ${missing} is missing`)
      images.push(yield* readConfig(members, blobOf(manifest.config.digest), namesOf(descriptor.annotations ?? {})))
    }
    return images
  })

const readConfig = (
  members: Members,
  name: string,
  repoTags: ReadonlyArray<string>
): Either.Either<ArchivedImage, string> =>
  Either.flatMap(decode(Config, members, name), (config) => {
    const digest = createHash("sha256").update(members.kept.get(name) ?? "").digest("hex")
    const claimed = /([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1]
    if (claimed !== undefined && claimed !== digest) return Either.left(`${name} does not match its digest`)
    return Either.right({
      configDigest: `sha256:${digest}`,
      repoTags,
      architecture: config.architecture ?? "",
      labels: config.config?.Labels ?? {}
    })
  })

const blobOf = (digest: string): string => `blobs/sha256/${digest.slice("sha256:".length)}`

/** A reference name that is a bare tag names no repository. */
const namesOf = (annotations: Readonly<Record<string, string>>): ReadonlyArray<string> => {
  const name = annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"]
  return name !== undefined && /[:/]/.test(name) ? [name] : []
}
