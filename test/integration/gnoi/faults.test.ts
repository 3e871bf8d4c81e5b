import * as http2 from "node:http2"

import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

import { dialFault } from "../../../layers/gnoi/fault.ts"
import type { WireService } from "../../../src/npu/wire.ts"
import { blackHole } from "./black-hole.ts"
import { freePort, linkTo, listen, serve, signal, wireTo, wireWith } from "./support.ts"

const soon = Duration.seconds(10)
const time = (wire: WireService, deadline = soon) => wire.unary("Time", {}, deadline)
const faultOf = (wire: WireService, deadline = soon) =>
  Effect.map(Effect.flip(time(wire, deadline)), ({ fault }) => fault)

/** Of a call whose deadline passes while a connection is being made. */
const impatient = (wire: WireService) =>
  Effect.repeat(faultOf(wire, Duration.millis(50)), { until: (fault) => fault !== undefined })

describe("what is wrong with the transport", () => {
  it.scopedLive("is told where nobody listens, and where a name is not known", () =>
    Effect.gen(function*() {
      const wire = yield* wireTo(yield* freePort)
      assert.strictEqual(yield* faultOf(wire), "Refused")
      const nameless = yield* wireTo(1, { host: "npu.invalid" })
      assert.strictEqual(yield* faultOf(nameless), "NameNotFound")
    }))

  it.scopedLive("is told where TCP is swallowed, also by a call whose deadline comes first", () =>
    Effect.gen(function*() {
      const port = yield* blackHole
      const wire = yield* wireTo(port, { connectTimeout: 50 })
      const error = yield* Effect.flip(time(wire))
      assert.strictEqual(error.fault, "TimedOut")
      assert.strictEqual(error.details, `127.0.0.1:${port} did not answer within 50 ms`)
      const patient = yield* wireTo(port, { connectTimeout: 60_000 })
      assert.strictEqual(yield* impatient(patient), "TimedOut")
    }))

  it.scopedLive("is told where a connection is accepted and kept silent", () =>
    Effect.gen(function*() {
      const silent = yield* listen((socket) => socket.resume())
      const wire = yield* wireTo(silent.port, { connectTimeout: 50 })
      assert.strictEqual(yield* faultOf(wire), "NoSettings")
      const patient = yield* wireTo(silent.port, { connectTimeout: 60_000 })
      assert.strictEqual(yield* impatient(patient), "NoSettings")
    }))

  it.scopedLive("is told where the connection stands and a call is not answered, and where it breaks", () =>
    Effect.gen(function*() {
      const arrived = signal()
      let answer = true
      const { port } = yield* serve({
        Time: (_call, reply) => {
          if (answer) reply(null, { time: "1" })
          else arrived.fire()
        }
      })
      const link = yield* linkTo(port)
      const wire = yield* wireTo(link.port)
      yield* time(wire)
      answer = false
      const call = yield* Effect.fork(faultOf(wire))
      yield* arrived.awaited
      link.cut()
      assert.strictEqual(yield* Fiber.join(call), "ConnectionLost")
      answer = true
      yield* Effect.retry(time(wire), { while: (error) => error.origin === "local" })
      answer = false
      assert.strictEqual(yield* faultOf(wire, Duration.millis(50)), "NoAnswer")
    }))

  it.scopedLive("is told where what answers is no gRPC server", () =>
    Effect.gen(function*() {
      const { port } = yield* httpServer((stream) => stream.respond({ ":status": 503 }, { endStream: true }))
      assert.strictEqual(yield* faultOf(yield* wireTo(port)), "NotGrpc")
      const web = yield* listen((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
      assert.strictEqual(yield* faultOf(yield* wireTo(web.port)), "NotHttp2")
    }))

  it.scopedLive("is no fault where the peer answers with a status, but for one that lets us not in", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* faultOf(yield* wireWith({})))
    }))

  it("is told by the codes of the system", () => {
    const codes = { ECONNREFUSED: "Refused", EHOSTUNREACH: "NoRoute", ENETUNREACH: "NoRoute", ETIMEDOUT: "TimedOut" }
    for (const [code, fault] of Object.entries(codes)) {
      assert.strictEqual(dialFault(Object.assign(new Error(code), { code })).fault, fault)
    }
  })
})

describe("a peer that does not bear our pings", () => {
  it.scopedLive("is told by name, gets no more of them, and is not lost", () =>
    Effect.gen(function*() {
      let calls = 0
      let pings = 0
      const sessions: Array<http2.ServerHttp2Session> = []
      const { port } = yield* httpServer((stream, session) => {
        calls += 1
        if (calls === 1) {
          sessions.push(session)
          session.on("ping", () => pings++)
          session.goaway(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from("too_many_pings"))
        } else {
          if (!sessions.includes(session)) {
            sessions.push(session)
            session.on("ping", () => pings++)
          }
          stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true })
          stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }))
          stream.end(Buffer.from([0, 0, 0, 0, 0]))
        }
      })
      const wire = yield* wireTo(port, { keepalive: { time: 20, timeout: 1000 } })
      assert.strictEqual(yield* faultOf(wire), "TooManyPings")
      yield* time(wire)
      assert.strictEqual(sessions.length, 2)
      const before = pings
      for (let i = 0; i < 5; i++) {
        yield* Effect.sleep(25)
        yield* time(wire)
      }
      assert.strictEqual(pings, before)
    }))
})

const httpServer = (answer: (stream: http2.ServerHttp2Stream, session: http2.ServerHttp2Session) => void) =>
  Effect.gen(function*() {
    const server = http2.createServer()
    server.on("sessionError", () => {})
    server.on("stream", (stream) => {
      stream.on("error", () => {})
      answer(stream, stream.session as http2.ServerHttp2Session)
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
    return yield* listen((socket) => void server.emit("connection", socket))
  })
