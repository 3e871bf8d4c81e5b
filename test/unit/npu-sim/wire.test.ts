import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import * as engineClock from "../../../layers/npu-sim/engine-clock.ts"
import { describedSource, make, type MemoryWireOptions } from "../../../layers/npu-sim/wire.ts"
import type { ByteSource, DeployCall } from "../../../src/npu/wire.ts"
import { packArchive } from "./archive.ts"
import { archived, request } from "./npu.ts"

const second = Duration.seconds(1)

const world = (options: Parameters<typeof engineClock.make>[0] = {}, wireOptions: MemoryWireOptions = {}) =>
  Effect.gen(function*() {
    const engine = yield* engineClock.make(options)
    const memory = yield* make(engine, wireOptions)
    return { engine, ...memory }
  })

const call = (source: ByteSource, more: Partial<DeployCall> = {}): DeployCall => ({
  transfer: { name: "db", tag: "1", imageSize: String(source.size) },
  source,
  chunkSize: { minimum: 1, maximum: 4 * 2 ** 20 },
  idleTimeout: Duration.seconds(10),
  loadTimeout: Duration.seconds(10),
  ...more
})

const described = (labels: Record<string, string> = {}) =>
  describedSource({ images: [archived("db:1", labels)], unpackedBytes: 8000 })

/** A source that gives its one buffer again and again, as a file does. */
const bytesOf = (bytes: Uint8Array): ByteSource => ({
  size: bytes.length,
  open: Effect.sync(() => {
    const buffer = new Uint8Array(4096)
    let at = 0
    return {
      read: async (maximum) => {
        const part = bytes.subarray(at, at + Math.min(maximum, buffer.length))
        at += part.length
        buffer.fill(0)
        buffer.set(part)
        return part.length === 0 ? undefined : buffer.subarray(0, part.length)
      }
    }
  })
})

describe("unary and collect", () => {
  it.scoped("give the engine's values, and its statuses as the peer's", () =>
    Effect.gen(function*() {
      const { wire } = yield* world()
      const refused = yield* Effect.flip(wire.unary("StartContainer", request("a"), second))
      assert.deepInclude({ ...refused }, { method: "StartContainer", code: "NOT_FOUND", origin: "peer" })
      yield* wire.deploy(call(described()))
      yield* wire.unary("StartContainer", request("a"), second)
      const rows = yield* wire.collect("ListContainer", { all: true }, second)
      assert.deepStrictEqual(rows.map((row) => row.name), ["/a"])
      assert.strictEqual((yield* wire.unary("Time", {}, second)).time, "0")
      assert.match((yield* wire.unary("Verify", {}, second)).version, /^SONiC-OS-/)
    }))

  it.scoped("honour deadlines on the clock, and undo nothing by it", () =>
    Effect.gen(function*() {
      const { engine, wire } = yield* world({ stopMillis: 2000 })
      yield* wire.deploy(call(described()))
      yield* wire.unary("StartContainer", request("a"), second)
      const stop = yield* Effect.fork(Effect.flip(wire.unary("StopContainer", { instanceName: "a" }, second)))
      yield* TestClock.adjust(second)
      assert.deepInclude({ ...(yield* Fiber.join(stop)) }, { code: "DEADLINE_EXCEEDED", origin: "local" })
      assert.strictEqual(engine.container("a")?.state, "running")
      yield* TestClock.adjust(second)
      assert.strictEqual(engine.container("a")?.state, "exited")
    }))

  it.scoped("succeed as soon as the engine is done", () =>
    Effect.gen(function*() {
      const { wire } = yield* world({ stopMillis: 200 })
      yield* wire.deploy(call(described()))
      yield* wire.unary("StartContainer", request("a"), second)
      const stop = yield* Effect.fork(wire.unary("StopContainer", { instanceName: "a" }, second))
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual(yield* Fiber.join(stop), {})
    }))
})

describe("the engine lives by the clock", () => {
  it.scoped("so that a crash loop goes on with nobody calling", () =>
    Effect.gen(function*() {
      const { engine, wire } = yield* world()
      yield* wire.deploy(call(described({ "offloader.sim.behaviour": "crash-after:1s" })))
      yield* wire.unary("StartContainer", request("a", "db:1", { restart: { policy: "ALWAYS" } }), second)
      const events: Array<string> = []
      engine.subscribe((event) => event._tag === "Logged" ? undefined : events.push(event._tag))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(events.slice(0, 4), ["Exited", "Started", "Exited", "Started"])
    }))
})

describe("what is due behind something else", () => {
  it.scoped("happens as well", () =>
    Effect.gen(function*() {
      const { engine, wire } = yield* world()
      for (const [tag, seconds] of [["1", 1], ["2", 3], ["3", 2]] as const) {
        const image = archived(`db:${tag}`, { "offloader.sim.behaviour": `crash-after:${seconds}s` })
        const source = describedSource({ images: [image], unpackedBytes: 800 })
        yield* wire.deploy(call(source, { transfer: { name: "db", tag, imageSize: "800" } }))
        yield* wire.unary("StartContainer", request(`c${tag}`, `db:${tag}`), second)
      }
      const ended: Array<string> = []
      engine.subscribe((event) => event._tag === "Exited" ? ended.push(event.container.name) : undefined)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(ended, ["c1", "c3", "c2"])
    }))
})

describe("Log", () => {
  it.scoped("tells what was said, and with follow ends with the container", () =>
    Effect.gen(function*() {
      const { engine, wire } = yield* world()
      yield* wire.deploy(call(described()))
      yield* wire.unary("StartContainer", request("a"), second)
      assert.strictEqual((yield* wire.collect("Log", { instanceName: "a" }, second)).length, 1)
      const first = yield* Deferred.make<void>()
      const following = yield* wire.stream("Log", { instanceName: "a", follow: true }).pipe(
        Stream.tap(() => Deferred.succeed(first, undefined)),
        Stream.runCollect,
        Effect.fork
      )
      yield* Deferred.await(first)
      engine.crash("a", 9)
      const said = Chunk.toReadonlyArray(yield* Fiber.join(following)).map((row) => row.msg)
      assert.match(said.at(-1)!, /exit code 9/)
    }))

  it.scoped("calls an unknown container UNKNOWN", () =>
    Effect.gen(function*() {
      const { wire } = yield* world()
      const refused = yield* Effect.flip(wire.collect("Log", { instanceName: "a" }, second))
      assert.deepInclude({ ...refused }, { code: "UNKNOWN", origin: "peer" })
    }))
})

describe("Deploy", () => {
  it.scoped("reads the archive from a source that reuses its buffer", () =>
    Effect.gen(function*() {
      const { engine, wire } = yield* world()
      const archive = yield* Effect.promise(() => packArchive({ name: "db:9", layerBytes: 300_000, gzip: false }))
      const progress: Array<number> = []
      const end = yield* wire.deploy(call(bytesOf(archive.bytes), { onProgress: (sent) => progress.push(sent) }))
      assert.strictEqual(end.sentBytes, archive.bytes.length)
      assert.deepStrictEqual(end.messages.map((message) => Object.keys(message)[0]), [
        "imageTransferReady",
        "imageTransferSuccess"
      ])
      assert.strictEqual(progress.at(-1), archive.bytes.length)
      const image = engine.inspect().images[0]
      assert.deepInclude(image, { id: archive.configDigest, names: ["db:9", "db:1"] })
    }))

  it.scoped("tells garbage, a short source and a broken one apart", () =>
    Effect.gen(function*() {
      const { engine, wire } = yield* world()
      const noise = bytesOf(new Uint8Array(9000).fill(7))
      assert.deepInclude({ ...(yield* Effect.flip(wire.deploy(call(noise)))) }, { code: "INTERNAL", origin: "peer" })
      const short = yield* Effect.flip(wire.deploy(call({ ...noise, size: 9001 })))
      assert.deepInclude({ ...short }, { code: "INVALID_ARGUMENT", origin: "peer" })
      const broken = { size: 5, open: Effect.succeed({ read: () => Promise.reject(new Error("bad sector")) }) }
      const lost = yield* Effect.flip(wire.deploy(call(broken)))
      assert.deepInclude({ ...lost }, { code: "DATA_LOSS", origin: "local", details: "bad sector" })
      assert.strictEqual(engine.inspect().transfers, 0)
    }))

  it.scoped("takes its time at a given pace, and gives the room back when cut off", () =>
    Effect.gen(function*() {
      const { connection, engine, wire } = yield* world({}, { bytesPerSecond: 1000 })
      const whole = yield* Effect.fork(wire.deploy(call(described())))
      yield* TestClock.adjust("8 seconds")
      assert.strictEqual((yield* Fiber.join(whole)).sentBytes, 8000)
      const free = engine.freeBytes()
      const half = yield* Effect.fork(Effect.flip(wire.deploy(call(described()))))
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual(engine.freeBytes(), free - 4000)
      connection.disconnect("cable out")
      assert.deepInclude({ ...(yield* Fiber.join(half)) }, { code: "UNAVAILABLE", origin: "local" })
      assert.strictEqual(engine.freeBytes(), free)
    }))

  it.scoped("refuses a peer's chunk size of 0, here", () =>
    Effect.gen(function*() {
      const { wire } = yield* world({}, { chunkSize: 0 })
      const refused = yield* Effect.flip(wire.deploy(call(described())))
      assert.deepInclude({ ...refused }, { code: "FAILED_PRECONDITION", origin: "local" })
    }))
})

describe("the connection", () => {
  it.scoped("breaks what is under way, refuses what comes, and says so", () =>
    Effect.gen(function*() {
      const { connection, wire } = yield* world({ stopMillis: 5000 })
      const events = yield* wire.connection.pipe(Stream.take(4), Stream.runCollect, Effect.fork)
      // Lets every fiber come to rest, the listener among them.
      yield* TestClock.adjust("1 millis")
      yield* wire.deploy(call(described()))
      yield* wire.unary("StartContainer", request("a"), second)
      const stop = yield* Effect.fork(Effect.exit(wire.unary("StopContainer", { instanceName: "a" }, second)))
      yield* TestClock.adjust("1 millis")
      connection.disconnect("reset by peer")
      assert.isTrue(Exit.isFailure(yield* Fiber.join(stop)))
      const refused = yield* Effect.flip(wire.collect("ListImage", {}, second))
      assert.deepInclude({ ...refused }, { code: "UNAVAILABLE", origin: "local", details: "reset by peer" })
      connection.restore()
      yield* wire.unary("Time", {}, second)
      connection.closeIdle()
      const seen = Chunk.toReadonlyArray(yield* Fiber.join(events))
      assert.deepStrictEqual(
        seen.map((event) => event._tag === "Connected" ? "up" : event.routine ? "idle" : "down"),
        ["up", "down", "up", "idle"]
      )
    }))
})
