/** Image archives made on the spot: docker-save and OCI layouts, plain or gzip-compressed. */
import { createHash } from "node:crypto"
import { gzipSync } from "node:zlib"

import { pack } from "tar-stream"

export interface ArchiveSpec {
  /** `repository:tag` */
  readonly name: string
  readonly layout?: "docker" | "oci"
  readonly architecture?: string
  readonly labels?: Readonly<Record<string, string>>
  /** Bytes of the one layer. */
  readonly layerBytes?: number
  readonly gzip?: boolean
}

export interface PackedArchive {
  readonly bytes: Buffer
  readonly configDigest: string
}

export const packArchive = async (spec: ArchiveSpec): Promise<PackedArchive> => {
  const layer = Buffer.alloc(spec.layerBytes ?? 10_000, spec.name)
  const config = Buffer.from(JSON.stringify({
    architecture: spec.architecture ?? "amd64",
    os: "linux",
    config: { Labels: { name: spec.name, ...spec.labels } },
    rootfs: { type: "layers", diff_ids: [`sha256:${hex(layer)}`] }
  }))
  const members = spec.layout === "oci" ? oci(spec.name, config, layer) : docker(spec.name, config, layer)
  const tar = await tarOf(members)
  return { bytes: spec.gzip === true ? gzipSync(tar) : tar, configDigest: `sha256:${hex(config)}` }
}

export const tarOf = async (members: ReadonlyArray<readonly [string, Buffer]>): Promise<Buffer> => {
  const tar = pack()
  const chunks: Array<Buffer> = []
  tar.on("data", (chunk) => chunks.push(chunk as Buffer))
  const ended = new Promise((resolve) => tar.on("end", () => resolve(undefined)))
  for (const [name, bytes] of members) tar.entry({ name }, bytes)
  tar.finalize()
  await ended
  return Buffer.concat(chunks)
}

export const hex = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

const docker = (name: string, config: Buffer, layer: Buffer): ReadonlyArray<readonly [string, Buffer]> => [
  [`${hex(layer)}/layer.tar`, layer],
  [`${hex(config)}.json`, config],
  [
    "manifest.json",
    Buffer.from(
      JSON.stringify([{ Config: `${hex(config)}.json`, RepoTags: [name], Layers: [`${hex(layer)}/layer.tar`] }])
    )
  ]
]

const oci = (name: string, config: Buffer, layer: Buffer): ReadonlyArray<readonly [string, Buffer]> => {
  const descriptor = (bytes: Buffer) => ({ digest: `sha256:${hex(bytes)}`, size: bytes.length })
  const manifest = Buffer.from(JSON.stringify({
    schemaVersion: 2,
    config: descriptor(config),
    layers: [descriptor(layer)]
  }))
  const annotations = { "io.containerd.image.name": name }
  return [
    ["oci-layout", Buffer.from("{\"imageLayoutVersion\":\"1.0.0\"}")],
    ["index.json", Buffer.from(JSON.stringify({ manifests: [{ ...descriptor(manifest), annotations }] }))],
    [`blobs/sha256/${hex(manifest)}`, manifest],
    [`blobs/sha256/${hex(config)}`, config],
    [`blobs/sha256/${hex(layer)}`, layer]
  ]
}
