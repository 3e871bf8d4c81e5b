import * as net from "node:net"

import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"

import type { ConnectionEvent, WireService } from "../../../src/npu/wire.ts"
import { freePort, linkTo, listen, serve, signal, wireTo } from "./support.ts"

const soon = Duration.seconds(10)
const time = (wire: WireService, deadline = soon) => wire.unary("Time", {}, deadline)
const answering = {
  Time: (_call: unknown, reply: (error: null, value: { time: string }) => void) => reply(null, { time: "1" })
}

/** The first events from now on; subscribed before it returns. */
const events = (wire: WireService, count: number) =>
  Effect.gen(function*() {
    const fiber = yield* wire.connection.pipe(Stream.take(count), Stream.runCollect, Effect.fork)
    yield* Effect.yieldNow()
    return Effect.map(Fiber.join(fiber), (all) => Chunk.toReadonlyArray(all).map(gist))
  })

const gist = (event: ConnectionEvent) => event._tag === "Connected" ? "connected" : event.routine ? "closed" : "lost"

describe("the connection", () => {
  it.scopedLive("says nothing at first, then that it is there", () =>
    Effect.gen(function*() {
      const { port } = yield* serve(answering)
      const wire = yield* wireTo(port)
      const seen = yield* events(wire, 1)
      yield* time(wire)
      assert.deepStrictEqual(yield* seen, ["connected"])
    }))

  it.scopedLive("that is closed while no call is on it is a routine matter", () =>
    Effect.gen(function*() {
      const { port } = yield* serve(answering)
      const link = yield* linkTo(port)
      const wire = yield* wireTo(link.port)
      const first = yield* events(wire, 2)
      yield* time(wire)
      link.cut()
      assert.deepStrictEqual(yield* first, ["connected", "closed"])
      const then = yield* events(wire, 1)
      yield* time(wire)
      assert.deepStrictEqual(yield* then, ["connected"])
    }))

  it.scopedLive("that breaks a call is lost", () =>
    Effect.gen(function*() {
      const arrived = signal()
      const { port } = yield* serve({ Time: () => arrived.fire() })
      const link = yield* linkTo(port)
      const wire = yield* wireTo(link.port)
      const seen = yield* events(wire, 2)
      const call = yield* Effect.fork(Effect.flip(time(wire)))
      yield* arrived.awaited
      link.cut()
      yield* Fiber.join(call)
      assert.deepStrictEqual(yield* seen, ["connected", "lost"])
    }))

  it.scopedLive("that cannot be made is lost, told once, until it is made", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const wire = yield* wireTo(port, { reconnect: { initial: 100, maximum: 100 } })
      const seen = yield* events(wire, 2)
      for (let i = 0; i < 3; i++) yield* Effect.flip(time(wire))
      yield* serve(answering, port)
      yield* Effect.retry(time(wire), { while: (error) => error.origin === "local" })
      assert.deepStrictEqual(yield* seen, ["lost", "connected"])
    }))

  it.scopedLive("comes back soon after the peer does", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const wire = yield* wireTo(port)
      const seen = yield* events(wire, 3)
      yield* Effect.scoped(Effect.andThen(serve(answering, port), time(wire)))
      yield* Effect.flip(time(wire))
      yield* serve(answering, port)
      const before = performance.now()
      yield* Effect.retry(time(wire), { while: (error) => error.code === "UNAVAILABLE" })
      assert.isBelow(performance.now() - before, 2500)
      assert.deepStrictEqual((yield* seen).at(-1), "connected")
    }))
})

describe("the watchdog", () => {
  it.scopedLive("leaves a peer that accepts and never speaks, and finds it when it speaks", () =>
    Effect.gen(function*() {
      const { port } = yield* serve(answering)
      let silent = true
      const left = signal()
      const link = yield* listen((socket) => {
        if (silent) {
          socket.resume()
          socket.on("close", () => left.fire())
        } else {
          const far = net.connect(port, "127.0.0.1")
          far.on("error", () => {})
          socket.pipe(far).pipe(socket)
        }
      })
      const wire = yield* wireTo(link.port, { connectTimeout: 50, reconnect: { initial: 100, maximum: 100 } })
      const seen = yield* events(wire, 2)
      assert.strictEqual((yield* Effect.flip(time(wire))).origin, "local")
      yield* left.awaited
      silent = false
      yield* Effect.retry(time(wire), { while: (error) => error.code === "UNAVAILABLE" })
      assert.deepStrictEqual(yield* seen, ["lost", "connected"])
    }))

  it.scopedLive("leaves a connection that has gone dead, breaks its streams, and lets calls with a deadline go on", () =>
    Effect.gen(function*() {
      let dead = false
      const following = signal()
      const stopping = signal<() => void>()
      const { port } = yield* serve({
        Time: (_call, reply) => void (dead || reply(null, { time: "1" })),
        StopContainer: (_call, reply) => stopping.fire(() => reply(null, {})),
        Log: () => following.fire()
      })
      const link = yield* linkTo(port)
      const wire = yield* wireTo(link.port)
      const log = yield* wire.stream("Log", { instanceName: "a" }).pipe(Stream.runDrain, Effect.flip, Effect.fork)
      const stop = yield* Effect.fork(wire.unary("StopContainer", { instanceName: "a" }, soon))
      yield* following.awaited
      const finishStop = yield* stopping.awaited
      yield* time(wire)
      assert.strictEqual(link.sockets.size, 1)
      dead = true
      yield* Effect.flip(time(wire, Duration.millis(50)))
      dead = false
      const broken = yield* Fiber.join(log)
      assert.deepStrictEqual([broken.code, broken.origin], ["UNAVAILABLE", "local"])
      yield* time(wire)
      assert.strictEqual(link.sockets.size, 2)
      finishStop()
      yield* Fiber.join(stop)
    }))

  it.scopedLive("stays with a connection on which other calls are answered", () =>
    Effect.gen(function*() {
      const { port } = yield* serve({ ...answering, StopContainer: () => {} })
      const link = yield* linkTo(port)
      const wire = yield* wireTo(link.port, { connectTimeout: 50 })
      const stop = yield* Effect.fork(
        Effect.flip(wire.unary("StopContainer", { instanceName: "a" }, Duration.millis(200)))
      )
      yield* Effect.repeat(time(wire), { times: 3 })
      yield* Fiber.join(stop)
      yield* time(wire)
      assert.strictEqual(link.sockets.size, 1)
    }))
})
