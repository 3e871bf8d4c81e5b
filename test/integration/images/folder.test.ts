import { appendFile, mkdir, rename, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

import { pack, packTo } from "../../../layers/images/pack.ts"
import { writeTar } from "../../../layers/images/tar-write.ts"
import type { ImageArchive } from "../../../src/npu/image-source.ts"
import { content, file, put, putTar, sha256, temporaryFolder, withSource } from "./support.ts"

const image = (repository: string, tag: string) => ({ repository, tag })

const readAll = (archive: ImageArchive, maximum: number) =>
  Effect.scoped(Effect.flatMap(archive.bytes.open, (reader) =>
    Effect.promise(async () => {
      const chunks: Array<Buffer> = []
      for (let chunk = await reader.read(maximum); chunk !== undefined; chunk = await reader.read(maximum)) {
        assert.isAtMost(chunk.length, maximum)
        chunks.push(Buffer.from(chunk))
      }
      return Buffer.concat(chunks)
    })))

describe("the folder of archives", () => {
  for (const format of ["docker", "oci"] as const) {
    for (const gzip of [false, true]) {
      it.scoped(`finds an image in ${format}${gzip ? ", gzip" : ""}, whatever the file is called`, () =>
        Effect.gen(function*() {
          const folder = yield* temporaryFolder
          const packed = yield* packTo(join(folder, "no ending"), content("docker-database:1", "host:5000/other:2"), {
            format,
            gzip
          })
          yield* packTo(join(folder, "docker-database-1.tar"), content("decoy:1"))
          const found = yield* withSource(folder, (source) => source.find(image("docker-database", "1")))
          assert.strictEqual(found.path, join(folder, "no ending"))
          assert.strictEqual(found.configDigest, packed.configDigest)
          assert.strictEqual(found.architecture, "arm64")
          assert.deepStrictEqual(found.names, [image("docker-database", "1"), image("host:5000/other", "2")])
          assert.deepStrictEqual(found.image, image("docker-database", "1"))
          assert.strictEqual(found.bytes.size, packed.bytes.length)
          assert.isTrue((yield* readAll(found, 100)).equals(packed.bytes))
          const second = yield* withSource(folder, (source) => source.find(image("host:5000/other", "2")))
          assert.strictEqual(second.path, found.path)
        }))
    }
  }

  it.scoped("matches a name with the host that an engine adds, and no other tag", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* packTo(join(folder, "a"), content("localhost/docker-database:1"))
      yield* withSource(folder, (source) =>
        Effect.gen(function*() {
          const found = yield* source.find(image("docker-database", "1"))
          assert.deepStrictEqual(found.image, image("docker-database", "1"))
          const missing = yield* Effect.flip(source.find(image("docker-database", "2")))
          assert.strictEqual(
            missing.message,
            `no archive in ${folder} holds docker-database:2; it has localhost/docker-database:1`
          )
          assert.strictEqual(
            (yield* Effect.flip(source.find(image("gcr.io/docker-database", "1"))))._tag,
            "ImageNotFound"
          )
        }))
    }))

  it.scoped("passes over what is unusable and names it when the image is not found", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const { bytes } = yield* pack(content("docker-database:1"))
      yield* put(join(folder, "broken.tar"), bytes.subarray(0, 3000))
      yield* put(join(folder, "notes.txt"), "remember")
      yield* Effect.promise(() => mkdir(join(folder, "yesterday")))
      yield* Effect.promise(() => symlink("nowhere", join(folder, "dangling")))
      yield* withSource(folder, (source) =>
        Effect.gen(function*() {
          const missing = yield* Effect.flip(source.find(image("docker-database", "1")))
          assert.match(missing.message, /broken\.tar \(unusable: it is cut short/)
          assert.match(missing.message, /notes\.txt \(unusable: it is not a tar/)
          assert.match(missing.message, /dangling \(unusable: there is no such file/)
          assert.notMatch(missing.message, /yesterday/)
          yield* put(join(folder, "whole.tar"), bytes)
          assert.strictEqual((yield* source.find(image("docker-database", "1"))).path, join(folder, "whole.tar"))
        }))
    }))

  it.scoped("holds an archive to the checksum beside it", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const { bytes } = yield* packTo(join(folder, "a.tar"), content("a:1"))
      const beside = join(folder, "a.tar.sha256")
      const found = Effect.map(
        Effect.either(withSource(folder, (source) => source.find(image("a", "1")))),
        Either.mapBoth({ onLeft: ({ message }) => message, onRight: ({ path }) => path })
      )
      yield* put(beside, `${sha256(bytes)}  a.tar\n`)
      assert.deepStrictEqual(yield* found, Either.right(join(folder, "a.tar")))
      yield* put(beside, `${sha256("other")}  a.tar\n`)
      assert.match(
        Either.getOrElse(Either.flip(yield* found), () => ""),
        new RegExp(`its SHA-256 is ${sha256(bytes)}, and its checksum file says ${sha256("other")}`)
      )
      yield* put(beside, "soon")
      assert.match(Either.getOrElse(Either.flip(yield* found), () => ""), /does not begin with a SHA-256/)
    }))

  it.scoped("says when the folder is not there, is a file, or is empty", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const reason = (directory: string) =>
        withSource(
          directory,
          (source) => Effect.map(Effect.flip(source.find(image("a", "1"))), (error) => error.message)
        )
      assert.match(yield* reason(join(folder, "none")), /there is no such folder/)
      assert.match(yield* reason(yield* put(join(folder, "file"), "")), /not a folder/)
      yield* Effect.promise(() => rm(join(folder, "file")))
      assert.match(yield* reason(folder), /holds no usable image archive/)
    }))

  it.scoped("refuses to choose between two contents of one name, not between two copies", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* packTo(join(folder, "a"), content("a:1"))
      yield* packTo(join(folder, "b"), content("a:1"), { format: "oci", gzip: true })
      yield* withSource(folder, (source) =>
        Effect.gen(function*() {
          assert.strictEqual((yield* source.find(image("a", "1"))).path, join(folder, "a"))
          yield* packTo(join(folder, "c"), { ...content("a:1"), architecture: "amd64" })
          const refused = yield* Effect.flip(source.find(image("a", "1")))
          assert.match(refused.message, /c: it holds a:1, and so does .*a with other content/)
        }))
    }))

  it.scoped("reads an archive through once, and again when it is another", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const path = join(folder, "a")
      // Same length and time, so that the stamp is kept while the content is spoiled: only a new reading can notice.
      const time = new Date(1_000_000)
      const { bytes } = yield* pack(content("a:1"))
      yield* put(path, bytes)
      yield* Effect.promise(() => utimes(path, time, time))
      yield* withSource(folder, (source) =>
        Effect.gen(function*() {
          yield* source.find(image("a", "1"))
          yield* put(path, Buffer.alloc(bytes.length, 1))
          yield* Effect.promise(() => utimes(path, time, time))
          yield* source.find(image("a", "1"))
          yield* Effect.promise(() => utimes(path, time, new Date(2_000_000)))
          assert.match((yield* Effect.flip(source.find(image("a", "1")))).message, /not a tar archive/)
        }))
    }))

  it.scoped("opens an archive by its path, through a link", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* packTo(join(folder, "deep", "a"), content("a:1", "b:2"))
      yield* Effect.promise(() => symlink("deep/a", join(folder, "link")))
      const opened = yield* withSource("/nowhere", (source) => source.open(join(folder, "link")))
      assert.deepStrictEqual(opened.image, image("a", "1"))
    }))

  it.scoped("takes docker-save archives of the old layout: linked layers, names with ./, compressed layers", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const layer = Buffer.from("layer")
      const config = JSON.stringify({
        rootfs: { diff_ids: [`sha256:${sha256(layer)}`, `sha256:${sha256(layer)}`, "sha256:0"] }
      })
      const path = yield* putTar(join(folder, "a"), [
        file("./one/layer.tar", layer),
        { type: "symlink", name: "./two/layer.tar", target: "../one/layer.tar" },
        file("./three/layer.tar", Buffer.from("1f8b0800000000", "hex")),
        file(`./${sha256(config)}.json`, config),
        file("./manifest.json", [{
          Config: `${sha256(config)}.json`,
          RepoTags: ["a:1"],
          Layers: ["one/layer.tar", "two/layer.tar", "three/layer.tar"]
        }])
      ])
      const opened = yield* withSource(folder, (source) => source.open(path))
      assert.strictEqual(opened.configDigest, `sha256:${sha256(config)}`)
      assert.strictEqual(opened.architecture, "")
    }))

  it.scoped("reads a hundred MiB without holding them", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const layer = Buffer.alloc(100 * 1024 * 1024, "layer")
      const config = JSON.stringify({ rootfs: { diff_ids: [`sha256:${sha256(layer)}`] } })
      const tar = yield* Effect.promise(() =>
        writeTar([
          file("l.tar", layer),
          file("c.json", config),
          file("manifest.json", [{ Config: "c.json", RepoTags: ["a:1"], Layers: ["l.tar"] }])
        ])
      )
      const path = yield* put(join(folder, "a"), tar)
      let peak = 0
      const before = process.memoryUsage().arrayBuffers
      const watch = setInterval(() => peak = Math.max(peak, process.memoryUsage().arrayBuffers - before), 1)
      yield* Effect.ensuring(withSource(folder, (source) => source.open(path)), Effect.sync(() => clearInterval(watch)))
      assert.isBelow(peak, 48 * 1024 * 1024)
    }))

  it.scoped("an interrupted search stops reading", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* put(
        join(folder, "a"),
        Buffer.concat([(yield* pack(content("a:1"))).bytes.subarray(0, 1024), Buffer.alloc(1024)])
      )
      yield* packTo(join(folder, "b"), content("b:1"))
      yield* withSource(folder, (source) =>
        Effect.gen(function*() {
          const searching = yield* Effect.fork(source.find(image("b", "1")))
          yield* Effect.yieldNow()
          assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(searching)))
          yield* source.find(image("b", "1"))
        }))
    }))
})

describe("an archive that changes", () => {
  const setUp = Effect.gen(function*() {
    const folder = yield* temporaryFolder
    const path = join(folder, "a")
    yield* packTo(path, content("a:1"))
    // Long ago, so that any write gives it another time, however coarse the clock of the file system.
    yield* Effect.promise(() => utimes(path, 1, 1))
    return { path, archive: yield* withSource(folder, (source) => source.find(image("a", "1"))) }
  })

  it.scoped("is not sent when it is another one since it was found", () =>
    Effect.gen(function*() {
      const { archive, path } = yield* setUp
      yield* packTo(path, content("a:2"))
      const error = yield* Effect.flip(Effect.scoped(archive.bytes.open))
      assert.match(error.reason, /not the file any more whose manifest was read/)
      yield* Effect.promise(() => rm(path))
      assert.match((yield* Effect.flip(Effect.scoped(archive.bytes.open))).reason, /no such file/)
    }))

  const during = (change: (path: string) => Promise<unknown>) =>
    Effect.gen(function*() {
      const { archive, path } = yield* setUp
      return yield* Effect.flip(Effect.scoped(Effect.gen(function*() {
        const reader = yield* archive.bytes.open
        yield* Effect.promise(() => reader.read(512))
        yield* Effect.promise(() => change(path))
        return yield* Effect.tryPromise({
          try: async () => {
            while (await reader.read(512) !== undefined);
          },
          catch: String
        })
      })))
    })

  it.scoped("fails the transfer when it shrinks", () =>
    Effect.map(during((path) => truncate(path, 1000)), (error) => assert.match(String(error), /became shorter/)))

  it.scoped("fails the transfer when it grows", () =>
    Effect.map(
      during((path) => appendFile(path, "more")),
      (error) => assert.match(String(error), /changed during the transfer/)
    ))

  it.scoped("fails the transfer when it is written to", () =>
    Effect.map(
      during((path) => writeFile(path, "x", { flag: "r+" })),
      (error) => assert.match(String(error), /changed during the transfer/)
    ))

  it.scoped("goes on when another file takes its place", () =>
    Effect.gen(function*() {
      const { archive, path } = yield* setUp
      const rest = yield* Effect.scoped(Effect.gen(function*() {
        const reader = yield* archive.bytes.open
        let sent = (yield* Effect.promise(() => reader.read(512)))!.length
        yield* put(`${path}.new`, "other")
        yield* Effect.promise(() => rename(`${path}.new`, path))
        for (;;) {
          const chunk = yield* Effect.promise(() => reader.read(512))
          if (chunk === undefined) return sent
          sent += chunk.length
        }
      }))
      assert.strictEqual(rest, archive.bytes.size)
    }))
})
