/** One client, every fulfilment of `Wire`: what holds over one must hold over the other. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import * as Gnoi from "../../../layers/gnoi/wire.ts"
import { layerFolder } from "../../../layers/images/folder.ts"
import { packTo } from "../../../layers/images/pack.ts"
import type { Engine } from "../../../layers/npu-sim/engine/engine.ts"
import * as EngineClock from "../../../layers/npu-sim/engine-clock.ts"
import * as MemoryBackend from "../../../layers/npu-sim/memory-backend.ts"
import { serve } from "../../../layers/npu-sim/server/serve.ts"
import * as MemoryWire from "../../../layers/npu-sim/wire.ts"
import { builtIn, resolve } from "../../../src/model/catalogue.ts"
import type { NpuErrorClass } from "../../../src/npu/error.ts"
import { ImageSource } from "../../../src/npu/image-source.ts"
import * as Npu from "../../../src/npu/npu.ts"
import { Wire, type WireService } from "../../../src/npu/wire.ts"

type MakeWire = (engine: Engine) => Effect.Effect<WireService, unknown, Scope.Scope>

const fulfilments: ReadonlyArray<readonly [string, MakeWire]> = [
  ["the in-memory wire", (engine) => Effect.map(MemoryWire.make(engine), ({ wire }) => wire)],
  ["grpc-js and npu-sim's server", (engine) =>
    Effect.gen(function*() {
      const { listener } = yield* serve({ host: "127.0.0.1", port: 0, backend: MemoryBackend.make(engine) })
      return yield* Gnoi.make({ host: "127.0.0.1", port: listener.port })
    })]
]

const [database] = Either.getOrThrow(resolve(builtIn, 0))
const image = { repository: "docker-database", tag: "1.0" }

/** An NPU with 10 MB of disk, an archive of 100 kB, and the client. */
const world = (makeWire: MakeWire, diskBytes = 10_000_000) =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "contract-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    const engine = yield* EngineClock.make({ stopMillis: 20, diskBytes })
    const wire = yield* makeWire(engine)
    const npu = yield* Effect.provide(Npu.Npu, Npu.layer.pipe(Layer.provide(Layer.succeed(Wire, wire))))
    const path = join(folder, "database.tar")
    yield* packTo(path, { names: ["docker-database:1.0"], files: { "/data": new Uint8Array(100_000) }, cmd: ["/data"] })
    const source = yield* Effect.provide(ImageSource, layerFolder({ directory: folder }))
    const archive = yield* source.find(image)
    const look = Effect.map(npu.look([database!.name]), ({ result }) =>
      result._tag === "Seen" ? result.sightings.get(database!.name)?._tag : result.reason)
    return { archive, engine, look, npu, path, source }
  })

const classOf = <A>(effect: Effect.Effect<A, { readonly class: NpuErrorClass }>) =>
  Effect.map(Effect.either(effect), Either.match({ onLeft: (error) => error.class, onRight: () => "OK" as const }))

describe.each(fulfilments)("the Npu client over %s", (_, makeWire) => {
  it.scopedLive("deploys, starts, sees, stops and removes", () =>
    Effect.gen(function*() {
      const { archive, look, npu } = yield* world(makeWire)
      const progress: Array<number> = []
      yield* npu.deploy(archive, (sent) => progress.push(sent))
      assert.strictEqual(progress.at(-1), archive.bytes.size)
      assert.deepStrictEqual(
        (yield* npu.images).map(({ id, repository, tags }) => [`sha256:${id}`, repository, tags]),
        [[archive.configDigest, "docker-database", ["1.0"]]]
      )
      assert.strictEqual(yield* look, "Absent")
      yield* npu.start(database!, image)
      assert.strictEqual(yield* look, "Running")
      yield* npu.stop(database!.name, false)
      assert.strictEqual(yield* look, "Stopped")
      yield* npu.remove(database!.name)
      assert.strictEqual(yield* look, "Absent")
    }))

  it.scopedLive("tells refusals apart", () =>
    Effect.gen(function*() {
      const { archive, npu } = yield* world(makeWire)
      const name = database!.name
      assert.strictEqual(yield* classOf(npu.start(database!, image)), "NotFound")
      assert.strictEqual(yield* classOf(npu.stop(name, false)), "NotFound")
      assert.strictEqual(yield* classOf(npu.remove(name)), "NotFound")
      yield* npu.deploy(archive, () => undefined)
      yield* npu.start(database!, image)
      assert.strictEqual(yield* classOf(npu.start(database!, image)), "AlreadyExists")
      assert.strictEqual(yield* classOf(npu.remove(name)), "Conflict")
    }))

  it.scopedLive("refuses what does not fit, and what is damaged on the way", () =>
    Effect.gen(function*() {
      const small = yield* world(makeWire, 50_000)
      assert.strictEqual(yield* classOf(small.npu.deploy(small.archive, () => undefined)), "NoRoom")
      const { archive, engine, npu } = yield* world(makeWire)
      engine.corruptDeploys(1)
      assert.strictEqual(yield* classOf(npu.deploy(archive, () => undefined)), "ServerFault")
      engine.loseDeploys(1)
      assert.strictEqual(yield* classOf(npu.deploy(archive, () => undefined)), "BadAnswer")
      assert.strictEqual(yield* classOf(npu.deploy(archive, () => undefined)), "OK")
    }))

  it.scopedLive("does not take an empty list now and then, or an unclear state, for the truth", () =>
    Effect.gen(function*() {
      const { archive, engine, look, npu } = yield* world(makeWire)
      yield* npu.deploy(archive, () => undefined)
      yield* npu.start(database!, image)
      engine.emptyLists(1)
      assert.strictEqual(yield* look, "Running")
      engine.crash(database!.name)
      engine.unspecified(database!.name, true)
      assert.strictEqual(yield* look, "Stopped")
    }))

  it.scopedLive("hears a followed log end with its container", () =>
    Effect.gen(function*() {
      const { archive, engine, npu } = yield* world(makeWire)
      yield* npu.deploy(archive, () => undefined)
      yield* npu.start(database!, image)
      const following = yield* Effect.fork(Stream.runCollect(npu.log(database!.name, true)))
      yield* Effect.sync(() => engine.crash(database!.name))
      assert.isTrue(Chunk.isChunk(yield* following))
    }))
})
