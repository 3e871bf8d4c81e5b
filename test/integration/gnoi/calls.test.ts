import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import * as Gnoi from "../../../layers/gnoi/wire.ts"
import type { ListContainerResponse, StartContainerRequest } from "../../../src/npu/messages.ts"
import { Wire } from "../../../src/npu/wire.ts"
import { serve, signal, wireTo, wireWith } from "./support.ts"

const soon = Duration.seconds(10)

const start: StartContainerRequest = {
  imageName: "sonic-db",
  tag: "202505",
  cmd: "supervisord",
  instanceName: "database-dpu0",
  ports: [{ internal: 6379, external: 16379 }],
  environment: { NAMESPACE_ID: "dpu0" },
  volumes: [{ name: "/etc/sonic", mountPoint: "/etc/sonic", readOnly: true }],
  network: "host",
  cap: { add: ["NET_ADMIN"], remove: [] },
  restart: { policy: "UNLESS_STOPPED", attempts: 3 },
  runAs: { user: "root", group: "root" },
  labels: { owner: "dpu0" },
  limits: { maxCpu: 0.5, softMemBytes: "9007199254740993", hardMemBytes: "9007199254740994" },
  devices: [{ srcPath: "/dev/a", dstPath: "/dev/b", permissions: ["READ", "MKNOD"] }],
  location: "L_PRIMARY"
}

const row: ListContainerResponse = {
  id: "abc",
  name: "/database-dpu0,/alias",
  imageName: "sonic-db:202505",
  status: "RUNNING",
  labels: { owner: "dpu0" },
  hash: { method: "SHA256", hash: Buffer.from([0, 255]) }
}

describe("unary calls", () => {
  it.scopedLive("carry every field there and the answer back", () =>
    Effect.gen(function*() {
      const arrived = signal<StartContainerRequest>()
      const wire = yield* wireWith({
        StartContainer: (call, reply) => {
          arrived.fire(call.request)
          reply(null, { startOk: { instanceName: call.request.instanceName } })
        },
        Time: (_call, reply) => reply(null, { time: "18446744073709551615" }),
        Verify: (_call, reply) => reply(null, { version: "SONiC.202505", activationFailMessage: "" })
      })
      // No name of the oneof among the fields: the other Wires do not have it either.
      assert.deepStrictEqual(yield* wire.unary("StartContainer", start, soon), {
        startOk: { instanceName: "database-dpu0" }
      })
      assert.deepStrictEqual(yield* arrived.awaited, start)
      assert.deepStrictEqual(yield* wire.unary("Time", {}, soon), { time: "18446744073709551615" })
      assert.deepStrictEqual(yield* wire.unary("Verify", {}, soon), {
        version: "SONiC.202505",
        activationFailMessage: ""
      })
    }))

  it.scopedLive("put their deadline on the wire", () =>
    Effect.gen(function*() {
      const arrived = signal<number>()
      const wire = yield* wireWith({
        Time: (call, reply) => {
          arrived.fire(Number(call.getDeadline()) - Date.now())
          reply(null, { time: "1" })
        }
      })
      yield* wire.unary("Time", {}, Duration.seconds(100))
      const left = yield* arrived.awaited
      assert.isAbove(left, 90_000)
      assert.isAtMost(left, 100_000)
    }))

  it.scopedLive("are cancelled on the wire when interrupted", () =>
    Effect.gen(function*() {
      const arrived = signal()
      const cancelled = signal()
      const wire = yield* wireWith({
        StopContainer: (call) => {
          call.on("cancelled", () => cancelled.fire())
          arrived.fire()
        }
      })
      const fiber = yield* Effect.fork(wire.unary("StopContainer", { instanceName: "a" }, soon))
      yield* arrived.awaited
      yield* Fiber.interrupt(fiber)
      yield* cancelled.awaited
    }))
})

describe("lists", () => {
  it.scopedLive("come whole, with maps, bytes and defaults as the messages say", () =>
    Effect.gen(function*() {
      const wire = yield* wireWith({
        ListContainer: (call) => {
          call.write(row)
          call.write({ name: "bare" } as ListContainerResponse)
          call.end()
        }
      })
      assert.deepStrictEqual(yield* wire.collect("ListContainer", { all: true }, soon), [
        row,
        { id: "", name: "bare", imageName: "", status: "UNSPECIFIED", labels: {}, hash: null }
      ])
    }))

  it.scopedLive("may be empty and may be long", () =>
    Effect.gen(function*() {
      const wire = yield* wireWith({
        ListContainer: (call) => {
          for (let i = 0; call.request.all === true && i < 5000; i++) call.write({ ...row, id: String(i) })
          call.end()
        }
      })
      assert.deepStrictEqual(yield* wire.collect("ListContainer", {}, soon), [])
      const rows = yield* wire.collect("ListContainer", { all: true }, soon)
      assert.deepStrictEqual(rows.map(({ id }) => Number(id)), Array.from({ length: 5000 }, (_, i) => i))
    }))

  it.scopedLive("refuse a list that does not end, rows of nothing too, and cancel it", () =>
    Effect.gen(function*() {
      const cancelled = signal()
      const wire = yield* wireWith({
        ListContainer: (call) => {
          const pour = (): void => {
            while (call.write({ ...row, name: call.request.all === true ? "x".repeat(1_000_000) : "" }));
          }
          call.on("drain", pour)
          call.on("cancelled", () => cancelled.fire())
          pour()
        }
      })
      for (const all of [true, false]) {
        const error = yield* Effect.flip(wire.collect("ListContainer", { all }, Duration.seconds(50)))
        assert.deepStrictEqual([error.code, error.origin], ["RESOURCE_EXHAUSTED", "local"])
      }
      yield* cancelled.awaited
    }))

  it.scopedLive("are cancelled on the wire when interrupted", () =>
    Effect.gen(function*() {
      const arrived = signal()
      const cancelled = signal()
      const wire = yield* wireWith({
        ListContainer: (call) => {
          call.on("cancelled", () => cancelled.fire())
          arrived.fire()
        }
      })
      const fiber = yield* Effect.fork(wire.collect("ListContainer", {}, soon))
      yield* arrived.awaited
      yield* Fiber.interrupt(fiber)
      yield* cancelled.awaited
    }))
})

describe("streams", () => {
  it.scopedLive("end when the peer ends them with OK", () =>
    Effect.gen(function*() {
      const wire = yield* wireWith({
        Log: (call) => {
          for (let i = 0; i < 100; i++) call.write({ msg: `${call.request.instanceName} ${i}` })
          call.end()
        }
      })
      const lines = yield* Stream.runCollect(wire.stream("Log", { instanceName: "ha", follow: true }))
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(lines).map(({ msg }) => msg),
        Array.from({ length: 100 }, (_, i) => `ha ${i}`)
      )
    }))

  it.scopedLive("cancel the call when the consumer has had enough", () =>
    Effect.gen(function*() {
      const cancelled = signal()
      const wire = yield* wireWith({
        Log: (call) => {
          call.on("cancelled", () => cancelled.fire())
          call.write({ msg: "first" })
          call.write({ msg: "second" })
        }
      })
      const lines = yield* Stream.runCollect(Stream.take(wire.stream("Log", { instanceName: "ha" }), 1))
      assert.deepStrictEqual(Chunk.toReadonlyArray(lines), [{ msg: "first" }])
      yield* cancelled.awaited
    }))

  it.scopedLive("fail with the peer's status after what came before it", () =>
    Effect.gen(function*() {
      const wire = yield* wireWith({
        Log: (call) => {
          call.write({ msg: "first" })
          call.emit("error", { code: 2, details: "no such container" })
        }
      })
      const seen: Array<string> = []
      const error = yield* wire.stream("Log", { instanceName: "ha" }).pipe(
        Stream.runForEach(({ msg }) => Effect.sync(() => void seen.push(msg))),
        Effect.flip
      )
      assert.deepStrictEqual([seen, error.code, error.origin, error.details], [
        ["first"],
        "UNKNOWN",
        "peer",
        "no such container"
      ])
    }))

  it.scopedLive("hold the peer back while the consumer is slow", () =>
    Effect.gen(function*() {
      const full = signal<number>()
      const total = 64
      let sent = 0
      let resumed = 0
      const msg = "x".repeat(64 * 1024)
      const wire = yield* wireWith({
        Log: (call) => {
          const more = (): void => {
            while (sent < total) {
              sent += 1
              if (!call.write({ msg })) {
                full.fire(sent)
                call.once("drain", () => {
                  resumed += 1
                  more()
                })
                return
              }
            }
            call.end()
          }
          more()
        }
      })
      // The first message is held until the peer had to stop.
      const count = yield* wire.stream("Log", { instanceName: "ha" }).pipe(
        Stream.tap(() => full.awaited),
        Stream.runCount
      )
      assert.strictEqual(count, total)
      assert.isBelow(yield* full.awaited, total)
      assert.isAbove(resumed, 0)
    }))
})

describe("the layer", () => {
  it.live("closes the connection at the end of its scope", () =>
    Effect.scoped(Effect.gen(function*() {
      const { port, server } = yield* serve({ Time: (_call, reply) => reply(null, { time: "7" }) })
      const answer = yield* Effect.flatMap(Wire, (wire) => wire.unary("Time", {}, soon)).pipe(
        Effect.provide(Gnoi.layer({ host: "127.0.0.1", port }))
      )
      assert.strictEqual(answer.time, "7")
      // Ends only when no connection is left.
      yield* Effect.async<void>((resume) => server.tryShutdown(() => resume(Effect.void)))
    })))

  it.scopedLive("refuses calls afterwards as a transport would", () =>
    Effect.gen(function*() {
      const { port } = yield* serve({})
      const wire = yield* Effect.scoped(wireTo(port))
      for (
        const call of [
          wire.unary("Time", {}, soon),
          wire.collect("ListImage", {}, soon),
          Stream.runDrain(wire.stream("Log", { instanceName: "a" }))
        ]
      ) {
        const error = yield* Effect.flip(call)
        assert.deepStrictEqual([error.code, error.origin], ["UNAVAILABLE", "local"])
      }
    }))

  it.scopedLive("names its endpoint, an IPv6 one in brackets", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* wireTo(8080)).endpoint, "127.0.0.1:8080")
      assert.strictEqual(
        yield* Gnoi.layer({ host: "fe80::1", port: 1 }).pipe(
          Layer.build,
          Effect.map((context) => context.unsafeMap.get(Wire.key).endpoint)
        ),
        "[fe80::1]:1"
      )
    }))
})
