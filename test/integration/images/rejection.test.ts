/** What must not be sent, and whether the sentence says why. */
import { execFileSync } from "node:child_process"
import { createServer } from "node:net"
import { join } from "node:path"
import { gzipSync } from "node:zlib"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { pack } from "../../../layers/images/pack.ts"
import { content, file, put, putTar, sha256, temporaryFolder, withSource } from "./support.ts"

const rejection = (path: string) =>
  withSource("/", (source) => Effect.map(Effect.flip(source.open(path)), (error) => error.reason))

/** A config for layers of these contents. */
const configFor = (...layers: ReadonlyArray<string>) =>
  JSON.stringify({
    architecture: "amd64",
    rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) }
  })

const manifest = (fields: Record<string, unknown>) =>
  file("manifest.json", [{ Config: "c.json", RepoTags: ["a:1"], Layers: ["layer.tar"], ...fields }])

const cases: ReadonlyArray<
  readonly [what: string, make: (path: string) => Effect.Effect<unknown, unknown>, reason: RegExp]
> = [
  ["no file", () => Effect.void, /^there is no such file$/],
  ["an empty file", (path) => put(path, ""), /empty \(0 bytes\)/],
  ["a text", (path) => put(path, "hello\n"), /not a tar archive/],
  ["a long text", (path) => put(path, "hello ".repeat(10_000)), /not a tar archive/],
  ["zstd", (path) => put(path, Buffer.from("28b52ffd00112233", "hex")), /compressed with zstd/],
  ["xz", (path) => put(path, Buffer.from("fd377a585a0000", "hex")), /compressed with xz/],
  ["zeros alone", (path) => put(path, Buffer.alloc(4096)), /empty tar/],
  ["another tar", (path) => putTar(path, [file("etc/passwd", "root")]), /neither manifest.json nor index.json/],
  ["a gzip that is no tar", (path) => put(path, gzipSync("hello")), /not a tar archive/],
  [
    "a FIFO",
    (path) => Effect.sync(() => execFileSync("mkfifo", [path])),
    /not a regular file/
  ],
  ["no image in the manifest", (path) => putTar(path, [file("manifest.json", [])]), /names no image/],
  [
    "a manifest that is no JSON",
    (path) => putTar(path, [file("manifest.json", "[{")]),
    /its manifest.json is not as it/
  ],
  ["a manifest of text", (path) => putTar(path, [file("manifest.json", "yes")]), /its manifest.json is not JSON/],
  [
    "a manifest without a config",
    (path) => putTar(path, [file("manifest.json", [{ RepoTags: ["a:1"] }])]),
    /its manifest.json is not as it should be at 0.Config: is missing/
  ],
  [
    "a manifest of more than a MiB",
    (path) => putTar(path, [file("manifest.json", [{ Config: "x".repeat(1024 * 1024) }])]),
    /at most 1048576 are read/
  ],
  [
    "several images",
    (path) =>
      putTar(path, [
        file("manifest.json", [{ Config: "c.json", RepoTags: ["a:1"] }, { Config: "d.json", RepoTags: null }])
      ]),
    /holds 2 images \(a:1, one without a name\)/
  ],
  ["no name", (path) => putTar(path, [manifest({ RepoTags: null }), file("c.json", {})]), /has no name/],
  [
    "a name that is none",
    (path) => putTar(path, [manifest({ RepoTags: ["Docker Database:1"] }), file("c.json", {})]),
    /the name of its image cannot be used: "Docker Database" is not an image name/
  ],
  ["no config", (path) => putTar(path, [manifest({})]), /names its config c\.json, which is not in the archive/],
  [
    "a config that belies its digest",
    (path) => putTar(path, [manifest({ Config: `${"0".repeat(64)}.json` }), file(`${"0".repeat(64)}.json`, {})]),
    /damaged: 0+\.json has the digest sha256:/
  ],
  [
    "a layer that is absent",
    (path) => putTar(path, [manifest({}), file("c.json", configFor("x"))]),
    /names the layer layer\.tar, which is not in the archive/
  ],
  [
    "a layer that links to itself",
    (path) =>
      putTar(path, [manifest({}), file("c.json", {}), { type: "symlink", name: "layer.tar", target: "layer.tar" }]),
    /names the layer layer\.tar, which is not in the archive/
  ],
  [
    "a layer with a flipped bit",
    (path) => putTar(path, [manifest({}), file("c.json", configFor("x")), file("layer.tar", "y")]),
    /damaged: the layer layer\.tar has the digest/
  ],
  [
    "layers and config of two images",
    (path) => putTar(path, [manifest({}), file("c.json", configFor("x", "y")), file("layer.tar", "x")]),
    /do not fit together: manifest.json lists 1 layers, its config 2/
  ]
]

describe("an archive that must not be sent", () => {
  for (const [what, make, reason] of cases) {
    it.scoped(what, () =>
      Effect.gen(function*() {
        const path = join(yield* temporaryFolder, "archive")
        yield* make(path)
        assert.match(yield* rejection(path), reason)
      }))
  }

  it.scoped("a folder, a device, a relative path, a path through a file", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* put(join(folder, "file"), "x")
      assert.match(yield* rejection(folder), /a folder/)
      assert.match(yield* rejection("/dev/null"), /not a regular file/)
      assert.match(yield* rejection("archive.tar"), /must begin with "\/"/)
      assert.match(yield* rejection("/a\0b"), /NUL/)
      assert.match(yield* rejection(join(folder, "file", "archive")), /a part of its path is a file/)
    }))

  it.scoped("a socket", () =>
    Effect.gen(function*() {
      const path = join(yield* temporaryFolder, "socket")
      const server = createServer()
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => void server.listen(path, () => resume(Effect.void))),
        () => Effect.sync(() => server.close())
      )
      assert.match(yield* rejection(path), /not a regular file/)
    }))

  for (const format of ["docker", "oci"] as const) {
    for (const gzip of [false, true]) {
      it.scoped(`${format}${gzip ? ", gzip" : ""}, cut anywhere`, () =>
        Effect.gen(function*() {
          const path = join(yield* temporaryFolder, "archive")
          const { bytes } = yield* pack(content("a:1"), { format, gzip })
          // Cut in the end mark alone, a tar has lost nothing: Docker loads it, and so do we send it.
          const last = gzip ? bytes.length - 1 : bytes.length - 1025
          const step = gzip ? 61 : 256
          for (let length = 1; length <= last; length += step) {
            yield* put(path, bytes.subarray(0, length))
            assert.match(
              yield* rejection(path),
              /cut short|not a tar archive|incomplete|empty tar/,
              `of ${bytes.length} bytes, the first ${length}`
            )
          }
        }), 30_000)
    }
  }

  it.scoped("gzip with a flipped byte", () =>
    Effect.gen(function*() {
      const path = join(yield* temporaryFolder, "archive")
      const { bytes } = yield* pack(content("a:1"), { gzip: true })
      for (let index = 12; index < bytes.length - 8; index += 37) {
        const flipped = Buffer.from(bytes)
        flipped[index]! ^= 0x55
        yield* put(path, flipped)
        assert.match(yield* rejection(path), /gzip stream|damaged|not a tar|cut short|incomplete/, `byte ${index}`)
      }
    }))
})
