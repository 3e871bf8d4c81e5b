import { randomBytes } from "node:crypto"
import { gzipSync } from "node:zlib"

import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"

import { makeReader } from "../../../layers/npu-sim/archive/read-archive.ts"
import { hex, packArchive, tarOf } from "./archive.ts"

const read = async (bytes: Uint8Array, chunk = 4096) => {
  const reader = makeReader()
  for (let at = 0; at < bytes.length; at += chunk) await reader.write(bytes.subarray(at, at + chunk))
  return reader.end()
}

describe("an archive is understood", () => {
  for (const layout of ["docker", "oci"] as const) {
    for (const gzip of [false, true]) {
      for (const chunk of [1, 700, 1_000_000]) {
        it(`in ${layout} layout, ${gzip ? "gzip" : "plain"}, ${chunk} bytes at a time`, async () => {
          const labels = { "offloader.sim.behaviour": "crash-at-start" }
          const archive = await packArchive({ name: "docker-database:1", layout, gzip, architecture: "arm64", labels })
          const found = Either.getOrThrow(await read(archive.bytes, chunk))
          assert.deepStrictEqual(found.images, [{
            configDigest: archive.configDigest,
            repoTags: ["docker-database:1"],
            architecture: "arm64",
            labels: { name: "docker-database:1", ...labels }
          }])
          assert.isAbove(found.unpackedBytes, 10_000)
        })
      }
    }
  }

  it("without keeping its layers", async () => {
    const reader = makeReader()
    const layer = 256 * 2 ** 20
    const header = (await tarOf([["layer.tar", Buffer.alloc(0)]])).subarray(0, 512)
    header.write(layer.toString(8).padStart(11, "0"), 124, "ascii")
    header.fill(" ", 148, 156)
    header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0")}\0 `, 148, "ascii")
    await reader.write(header)
    const before = process.memoryUsage().rss
    const chunk = Buffer.alloc(2 ** 20, 1)
    for (let sent = 0; sent < layer; sent += chunk.length) await reader.write(chunk)
    assert.isBelow(process.memoryUsage().rss - before, 64 * 2 ** 20)
    const config = Buffer.from("{}")
    const manifest = JSON.stringify([{ Config: "c.json", RepoTags: null, Layers: ["layer.tar"] }])
    await reader.write(await tarOf([["c.json", config], ["manifest.json", Buffer.from(manifest)]]))
    assert.strictEqual(Either.getOrThrow(await reader.end()).images[0]?.configDigest, `sha256:${hex(config)}`)
  })
})

describe("an archive is refused", () => {
  const manifest = (config: string, layers: ReadonlyArray<string>) =>
    Buffer.from(JSON.stringify([{ Config: config, RepoTags: [], Layers: layers }]))
  const cases: ReadonlyArray<readonly [string, () => Promise<Buffer>]> = [
    ["when empty", async () => Buffer.alloc(0)],
    ["when one byte", async () => Buffer.from([1])],
    ["when noise", async () => randomBytes(100_000)],
    ["when noise in gzip", async () => gzipSync(randomBytes(100_000))],
    ["when zeros", async () => Buffer.alloc(10_240)],
    ["when cut short", async () => (await packArchive({ name: "a:1" })).bytes.subarray(0, 9_000)],
    ["when cut short in gzip", async () => (await packArchive({ name: "a:1", gzip: true })).bytes.subarray(0, 200)],
    ["without a manifest", () => tarOf([["hello.txt", Buffer.from("hello")]])],
    ["without its config", () => tarOf([["manifest.json", manifest("c.json", [])]])],
    ["without its layer", () => tarOf([["c.json", Buffer.from("{}")], ["manifest.json", manifest("c.json", ["l"])]])],
    ["with a manifest that is no JSON", () => tarOf([["manifest.json", Buffer.from("[{")]])],
    [
      "with a config of another digest",
      () =>
        tarOf([[`${"0".repeat(64)}.json`, Buffer.from("{}")], [
          "manifest.json",
          manifest(`${"0".repeat(64)}.json`, [])
        ]])
    ]
  ]
  for (const [what, make] of cases) {
    it(what, async () => assert.isTrue(Either.isLeft(await read(await make()))))
  }
})
