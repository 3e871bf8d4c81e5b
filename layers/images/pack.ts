/**
 * Makes small, real image archives, of the kind `docker load` and `podman load`
 * take. The same input gives the same bytes, so digests can be told beforehand.
 *
 * Everything is held in memory: this is for demonstrations, labs and tests, not
 * for images of gigabytes.
 */
import { createHash } from "node:crypto"
import { mkdir, rename, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { gzipSync } from "node:zlib"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

import { type Member, writeTar } from "./tar-write.ts"

/** What goes into the image. */
export interface ImageContent {
  /** `NAME:TAG`; an OCI layout with several is taken by Docker, and refused by podman 4. */
  readonly names: ReadonlyArray<string>
  /** As OCI spells it; amd64 where nothing is said. */
  readonly architecture?: string
  /** Absolute path in the image → content, or where a symbolic link points. Files are executable. */
  readonly files: Readonly<Record<string, Uint8Array | string | { readonly link: string }>>
  readonly entrypoint?: ReadonlyArray<string>
  readonly cmd?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
}

export interface PackOptions {
  /** `docker` as `docker save` writes it, `oci` an OCI layout; `docker` where nothing is said. */
  readonly format?: "docker" | "oci"
  /** Podman 4 takes a compressed archive in the OCI format only. */
  readonly gzip?: boolean
}

export interface PackedArchive {
  readonly bytes: Uint8Array
  /** `sha256:` and 64 hexadecimal digits. */
  readonly configDigest: string
}

/** The archive could not be written; `reason` is a sentence for people. */
export class PackError extends Data.TaggedError("PackError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

/** Makes the archive in memory. */
export const pack: (content: ImageContent, options?: PackOptions) => Effect.Effect<PackedArchive, PackError> = Effect
  .fn(
    "pack"
  )((content: ImageContent, options: PackOptions = {}) =>
    Effect.tryPromise({
      try: async () => {
        const layer = await writeTar(layerMembers(content.files))
        const config = configOf(content, digestOf(layer))
        const members = options.format === "oci"
          ? ociMembers(content, config, layer)
          : dockerMembers(content, config, layer)
        const tar = await writeTar(members)
        return { bytes: options.gzip === true ? gzipSync(tar) : tar, configDigest: digestOf(config) }
      },
      catch: (cause) => new PackError({ reason: `the image archive cannot be made: ${String(cause)}` })
    })
  )

/** Makes the archive and puts it at `path` in one step, with the folders that lead there. */
export const packTo: (
  path: string,
  content: ImageContent,
  options?: PackOptions
) => Effect.Effect<PackedArchive, PackError> = Effect.fn("packTo")(function*(
  path: string,
  content: ImageContent,
  options: PackOptions = {}
) {
  const archive = yield* pack(content, options)
  yield* Effect.tryPromise({
    try: async () => {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(`${path}.partial`, archive.bytes)
      await rename(`${path}.partial`, path)
    },
    catch: (cause) => new PackError({ reason: `${path} cannot be written: ${String(cause)}` })
  })
  return archive
})

const digestOf = (bytes: Uint8Array): string => `sha256:${hexOf(bytes)}`

const hexOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))

/** Folders before what they hold, everything in one order. */
const layerMembers = (files: ImageContent["files"]): ReadonlyArray<Member> => {
  const names = Object.keys(files).map((path) => path.replace(/^\/+/, ""))
  const folders = new Set(
    names.flatMap((name) => name.split("/").slice(0, -1).map((_, depth, parts) => parts.slice(0, depth + 1).join("/")))
  )
  const members: Array<Member> = [...folders].map((name) => ({ type: "directory", name: `${name}/` }))
  for (const [path, content] of Object.entries(files)) {
    const name = path.replace(/^\/+/, "")
    if (typeof content === "string") members.push({ type: "file", name, bytes: Buffer.from(content) })
    else if (content instanceof Uint8Array) members.push({ type: "file", name, bytes: content })
    else members.push({ type: "symlink", name, target: content.link })
  }
  return members.sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0))
}

const epoch = "1970-01-01T00:00:00Z"

const configOf = (content: ImageContent, diffId: string): Uint8Array =>
  json({
    architecture: content.architecture ?? "amd64",
    config: {
      ...(content.env === undefined
        ? {}
        : { Env: Object.entries(content.env).map(([key, value]) => `${key}=${value}`) }),
      ...(content.entrypoint === undefined ? {} : { Entrypoint: content.entrypoint }),
      ...(content.cmd === undefined ? {} : { Cmd: content.cmd }),
      ...(content.labels === undefined ? {} : { Labels: content.labels })
    },
    created: epoch,
    history: [{ created: epoch, created_by: "files" }],
    os: "linux",
    rootfs: { type: "layers", diff_ids: [diffId] }
  })

const dockerMembers = (content: ImageContent, config: Uint8Array, layer: Uint8Array): ReadonlyArray<Member> => {
  const configName = `${hexOf(config)}.json`
  const folder = hexOf(layer)
  return [
    { type: "directory", name: `${folder}/` },
    { type: "file", name: `${folder}/VERSION`, bytes: Buffer.from("1.0") },
    { type: "file", name: `${folder}/layer.tar`, bytes: layer },
    { type: "file", name: configName, bytes: config },
    {
      type: "file",
      name: "manifest.json",
      bytes: json([{ Config: configName, RepoTags: content.names, Layers: [`${folder}/layer.tar`] }])
    }
  ]
}

const ociMembers = (content: ImageContent, config: Uint8Array, layer: Uint8Array): ReadonlyArray<Member> => {
  const manifest = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config), size: config.length },
    layers: [{ mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digestOf(layer), size: layer.length }]
  })
  const index = json({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: content.names.map((name) => ({
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      digest: digestOf(manifest),
      size: manifest.length,
      annotations: { "io.containerd.image.name": name, "org.opencontainers.image.ref.name": name }
    }))
  })
  return [
    { type: "directory", name: "blobs/" },
    { type: "directory", name: "blobs/sha256/" },
    ...[config, layer, manifest].map((bytes): Member => ({
      type: "file",
      name: `blobs/sha256/${hexOf(bytes)}`,
      bytes
    })),
    { type: "file", name: "index.json", bytes: index },
    { type: "file", name: "oci-layout", bytes: json({ imageLayoutVersion: "1.0.0" }) }
  ]
}
