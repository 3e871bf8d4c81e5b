import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

import * as Folder from "../../../layers/images/folder.ts"
import * as Kept from "../../../layers/images/kept.ts"
import { packTo } from "../../../layers/images/pack.ts"
import { layerSources } from "../../../layers/images/sources.ts"
import { syncFolder } from "../../../layers/state/sync-folder.ts"
import { format, type ImageRef, split } from "../../../src/model/image.ts"
import { ImageSource, type ImageSourceService } from "../../../src/npu/image-source.ts"
import { content, temporaryFolder } from "./support.ts"

const database = split("docker-database:1")
const gnmi = split("host:5000/docker-gnmi:1")

/** A DPU with an images folder that has these, and a state folder. */
const dpu = (...images: ReadonlyArray<ImageRef>) =>
  Effect.gen(function*() {
    const folder = yield* temporaryFolder
    const [directory, keptDirectory] = [join(folder, "images"), join(folder, "state", "archives")]
    mkdirSync(directory)
    for (const image of images) yield* packTo(join(directory, `${images.indexOf(image)}.tar`), content(format(image)))
    return {
      directory,
      keptDirectory,
      use: <A, E>(body: (source: ImageSourceService) => Effect.Effect<A, E>) =>
        Effect.provide(
          Effect.flatMap(ImageSource, body),
          layerSources({ directory, kept: { directory: keptDirectory, sync: syncFolder } })
        )
    }
  })

const filesOf = (directory: string) =>
  existsSync(directory)
    ? readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name).sort()
    : []

describe("archives that are kept", () => {
  it.scoped("are found, whole, when the DPU's new image has no other", () =>
    Effect.gen(function*() {
      const { directory, keptDirectory, use } = yield* dpu(database, gnmi)
      const before = readFileSync(join(directory, "1.tar"))
      const results = yield* use((source) => source.keep([database, gnmi], []))
      assert.deepStrictEqual(results.map(({ reason }) => reason), [undefined, undefined])
      rmSync(directory, { recursive: true })
      const found = yield* use((source) => Effect.scoped(source.find(gnmi)))
      assert.isTrue(found.path.startsWith(keptDirectory))
      assert.deepStrictEqual(readFileSync(found.path), before)
      const sum = createHash("sha256").update(before).digest("hex")
      assert.isTrue(readFileSync(`${found.path}.sha256`, "latin1").startsWith(sum))
      const again = yield* use((source) => source.keep([database], [gnmi]))
      assert.deepStrictEqual(again.map(({ reason }) => reason), [undefined], "what is kept is not looked for elsewhere")
    }))

  it.scoped("are named once with those that they are copies of, where none holds what is wanted", () =>
    Effect.gen(function*() {
      const { directory, keptDirectory, use } = yield* dpu(database, gnmi)
      yield* use((source) => source.keep([database], []))
      const missing = split("docker-database:2")
      const { message } = yield* use((source) => Effect.flip(Effect.scoped(source.find(missing))))
      assert.strictEqual(
        message,
        `no archive in ${directory} or ${keptDirectory} holds docker-database:2; it has docker-database:1, `
          + "host:5000/docker-gnmi:1"
      )
    }))

  it.scoped("come last: what the images folder has is taken from there", () =>
    Effect.gen(function*() {
      const { directory, use } = yield* dpu(database)
      const path = yield* use((source) =>
        Effect.zipRight(
          source.keep([database], []),
          Effect.map(Effect.scoped(source.find(database)), (one) => one.path)
        )
      )
      assert.strictEqual(path, join(directory, "0.tar"))
    }))

  it.scoped("go when they are neither wanted nor spared any more", () =>
    Effect.gen(function*() {
      const later = split("docker-database:2")
      const { keptDirectory, use } = yield* dpu(database, gnmi, later)
      yield* use((source) => source.keep([database, gnmi], []))
      assert.lengthOf(filesOf(keptDirectory), 4)
      yield* use((source) => source.keep([later], [database]))
      const held = filesOf(keptDirectory)
      assert.deepStrictEqual(held.map((name) => name.replace(/-[0-9a-f]{12}/, "")), [
        "docker-database_1.tar",
        "docker-database_1.tar.sha256",
        "docker-database_2.tar",
        "docker-database_2.tar.sha256"
      ])
    }))

  it.scoped("are refused where they were damaged, and copied anew", () =>
    Effect.gen(function*() {
      const { directory, keptDirectory, use } = yield* dpu(database)
      yield* use((source) => source.keep([database], []))
      const [name = ""] = filesOf(keptDirectory)
      const path = join(keptDirectory, name)
      const sound = readFileSync(path)
      writeFileSync(path, Buffer.concat([sound.subarray(0, 700), Buffer.alloc(1, 7), sound.subarray(701)]))
      const there = yield* Folder.make(directory)
      const kept = yield* Kept.make({ directory: keptDirectory, keepFree: 0, sync: syncFolder })
      assert.include((yield* Effect.scoped(Effect.flip(kept.find(database)))).message, "it is damaged")
      yield* kept.keep([database], [], there.find)
      assert.deepStrictEqual(readFileSync(path), sound)
      assert.strictEqual((yield* Effect.scoped(kept.find(database))).path, path)
    }))

  it.scoped("are not begun where there is no room, or nothing to keep; that is said of each", () =>
    Effect.gen(function*() {
      const { directory, keptDirectory } = yield* dpu(database)
      const folder = yield* Folder.make(directory)
      const kept = yield* Kept.make({ directory: keptDirectory, keepFree: 2 ** 52, sync: syncFolder })
      mkdirSync(keptDirectory, { recursive: true })
      const [first, second] = yield* kept.keep([database, gnmi], [], folder.find)
      assert.match(
        first?.reason ?? "",
        /it needs \d+ bytes of room in .* and 4503599627370496 are to stay free; there are \d+/
      )
      assert.include(second?.reason, "no archive in")
      assert.deepStrictEqual(filesOf(keptDirectory), [])
    }))

  it.scopedLive("are there whole or not at all where the daemon dies in between, and nothing of it stays", () =>
    Effect.gen(function*() {
      const { directory, keptDirectory } = yield* dpu(database)
      const folder = yield* Folder.make(directory)
      const kept = yield* Kept.make({ directory: keptDirectory, keepFree: 0, sync: syncFolder })
      const written = yield* Deferred.make<void>()
      // The first half comes; then the daemon is dead, and finishes nothing any more.
      const half = (image: ImageRef) =>
        Effect.map(folder.find(image), (archive) => ({
          ...archive,
          bytes: {
            ...archive.bytes,
            open: Effect.succeed({
              headroom: 0,
              reads: 0,
              read(): Promise<Uint8Array | undefined> {
                this.reads += 1
                if (this.reads === 1) return Promise.resolve(Buffer.alloc(512))
                Deferred.unsafeDone(written, Effect.void)
                return new Promise(() => undefined)
              }
            })
          }
        }))
      const dying = yield* Effect.fork(kept.keep([database], [], half))
      yield* Deferred.await(written)
      assert.lengthOf(filesOf(join(keptDirectory, "incoming")), 1)
      const next = yield* Kept.make({ directory: keptDirectory, keepFree: 0, sync: syncFolder })
      assert.deepStrictEqual([filesOf(join(keptDirectory, "incoming")), filesOf(keptDirectory)], [[], []])
      assert.strictEqual((yield* Effect.scoped(Effect.flip(next.find(database))))._tag, "ImageNotFound")
      yield* next.keep([database], [], folder.find)
      assert.strictEqual(
        (yield* Effect.scoped(next.find(database))).bytes.size,
        readFileSync(join(directory, "0.tar")).length
      )
      yield* Fiber.interruptFork(dying)
    }))
})
