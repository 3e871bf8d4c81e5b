/** Messages against bytes that were worked out by hand from the encoding's rules. */
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

import { assert, describe, it } from "@effect/vitest"
import { build } from "esbuild"

import { compileDescriptor } from "../../../proto/compile.mjs"
import { containerz, system } from "../../../proto/definition.ts"

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

const start = {
  imageName: "a",
  tag: "b",
  instanceName: "c",
  ports: [{ internal: 80, external: 8080 }],
  environment: { K: "V" },
  restart: { policy: "ALWAYS" as const },
  limits: { maxCpu: 0.5, softMemBytes: "1", hardMemBytes: "-1" },
  devices: [{ srcPath: "s", dstPath: "d", permissions: ["READ", "MKNOD"] as const }],
  location: "L_ALL" as const
}

const startBytes = [
  "0a0161", // 1: "a"
  "120162", // 2: "b"
  "220163", // 4: "c"
  "2a05" + "0850" + "10903f", // 5: { 1: 80, 2: 8080 }
  "3206" + "0a014b" + "120156", // 6: { 1: "K", 2: "V" }
  "5202" + "0801", // 10: { 1: 1 }
  "6a16" + "09000000000000e03f" + "1001" + "18ffffffffffffffffff01", // 13: { 1: 0.5, 2: 1, 3: -1 }
  "720a" + "0a0173" + "120164" + "1a020103", // 14: { 1: "s", 2: "d", 3: packed 1, 3 }
  "7803" // 15: 3
].join("")

describe("the bytes", () => {
  it("of a request are in the order and the form of the interface", () => {
    assert.strictEqual(hex(containerz.StartContainer.requestSerialize(start)), startBytes)
    assert.strictEqual(hex(containerz.ListContainer.requestSerialize({ all: true })), "0801")
    assert.strictEqual(hex(containerz.RemoveContainer.requestSerialize({ name: "x", force: true })), "0a01781801")
    assert.strictEqual(hex(containerz.Deploy.requestSerialize({ content: Buffer.from([1, 2]) })), "12020102")
    assert.strictEqual(hex(containerz.Deploy.requestSerialize({ imageTransferEnd: {} })), "1a00")
  })

  it("of a response are read as the messages say", () => {
    assert.deepStrictEqual(
      containerz.ListContainer.responseDeserialize(
        Buffer.from(
          "0a0131" + "12026462" + "1a03613a62" + "2002" + "2a06" + "0a016b" + "120176" + "3206" + "0801" + "1202ff00",
          "hex"
        )
      ),
      {
        id: "1",
        name: "db",
        imageName: "a:b",
        status: "RUNNING",
        labels: { k: "v" },
        hash: { method: "SHA256", hash: Buffer.from([255, 0]) }
      }
    )
    assert.deepStrictEqual<unknown>(
      containerz.Deploy.responseDeserialize(Buffer.from("2207" + "0809" + "1203626164", "hex")),
      { imageTransferError: { code: 9, message: "bad", details: [] }, response: "imageTransferError" }
    )
    assert.deepStrictEqual(
      containerz.ListVolume.responseDeserialize(Buffer.from("0a0176" + "1204" + "0805" + "1007", "hex")),
      { name: "v", created: { seconds: "5", nanos: 7 }, driver: "", options: {}, labels: {} }
    )
    assert.deepStrictEqual(system.Time.responseDeserialize(Buffer.from("08ffffffffffffffffff01", "hex")), {
      time: "18446744073709551615"
    })
  })

  it("with fields of a newer interface are read without them, and a strange enum value as its number", () => {
    assert.deepStrictEqual(
      containerz.ListImage.responseDeserialize(Buffer.from("0a0131" + "fa3f0178", "hex")),
      { id: "1", imageName: "", tag: "" }
    )
    assert.strictEqual<unknown>(
      containerz.ListContainer.responseDeserialize(Buffer.from("2009", "hex")).status,
      9
    )
  })

  it("are the same from a bundle, which reads no .proto file", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "definition-"))
    try {
      const outfile = path.join(folder, "bundle.cjs")
      await build({
        stdin: {
          contents: `import { containerz } from "./definition.ts"
            process.stdout.write(containerz.StartContainer.requestSerialize(${JSON.stringify(start)}).toString("hex"))`,
          resolveDir: path.join(import.meta.dirname, "../../../proto")
        },
        bundle: true,
        platform: "node",
        format: "cjs",
        outfile,
        logOverride: { "empty-import-meta": "silent" },
        define: { OFFLOADER_PROTO_JSON: JSON.stringify(JSON.stringify(compileDescriptor())) }
      })
      assert.strictEqual(execFileSync(process.execPath, [outfile], { cwd: folder, encoding: "utf8" }), startBytes)
    } finally {
      fs.rmSync(folder, { recursive: true })
    }
  })
})
