/** A peer whose headers break off, and that takes no more of what is sent to it: without what is tested here Node aborts. */
import * as http2 from "node:http2"
import * as net from "node:net"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

import { assert, describe, it, vi } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import { keepBehindStreams } from "../../../layers/gnoi/kept-session.ts"
import { frame } from "../../fuzz/http2-peer.ts"
import { listen, wireWith } from "./support.ts"

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const piece = Buffer.alloc(65_536)

/** More than any kernel holds for one connection. */
const size = 16 * 2 ** 20

/** Settings and windows that let it all be sent, and headers without their end: a status of 200, and a field. */
const says = Buffer.concat([
  frame(4, 0, 0, Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff])),
  frame(8, 0, 0, Buffer.from([0x7f, 0xff, 0, 0])),
  frame(
    1,
    0,
    1,
    Buffer.concat([Buffer.from([0x88, 0, 3]), Buffer.from("x-a"), Buffer.from([100]), Buffer.alloc(100, "y")])
  )
])
const beginning = says.length

/** Of so many the collector meets some in the wrong order, where nothing keeps them. */
const rounds = 4
const atOnce = 8

/** The native sides of the sessions and of their streams, as long as they live. */
const natives: Array<WeakRef<object>> = []

const nativeOf = (of: object): object => {
  const symbol = Object.getOwnPropertySymbols(of).find(({ description }) => description === "kHandle")!
  return (of as Readonly<Record<symbol, object>>)[symbol]!
}

const begun = (socket: net.Socket) =>
  Effect.async<{ readonly session: http2.ClientHttp2Session; readonly stream: http2.ClientHttp2Stream }>((resume) => {
    const session = http2.connect("http://127.0.0.1", { createConnection: () => socket })
    session.on("error", () => {})
    keepBehindStreams(session)
    const stream = session.request({ ":method": "POST" }, { endStream: false })
    stream.on("error", () => {})
    stream.once("ready", () => {
      natives.push(new WeakRef(nativeOf(session)), new WeakRef(nativeOf(stream)))
      resume(Effect.succeed({ session, stream }))
    })
  })

/** Looked at again and again. */
const until = (holds: () => boolean): Effect.Effect<void> =>
  Effect.repeat(Effect.delay(Effect.sync(holds), "2 millis"), { until: (does) => does })

/** A session that has heard the beginning of headers, and ends while a write waits. */
const ended = (port: number) =>
  Effect.gen(function*() {
    const socket = net.connect(port, "127.0.0.1")
    const { session, stream } = yield* begun(socket)
    yield* until(() => socket.bytesRead >= beginning)
    for (let sent = 0; sent < size; sent += piece.length) stream.write(piece)
    let before = 0
    yield* until(() => {
      const stands = before > 0 && socket.bytesWritten === before
      before = socket.bytesWritten
      return stands
    })
    session.destroy()
  })

describe("a session that is ended in the midst of a stream's headers, with a write that nobody takes,", () => {
  it.scopedLive("is collected after that stream", () =>
    Effect.gen(function*() {
      const peer = yield* listen((socket) => {
        socket.once("data", () => {
          socket.pause()
          socket.write(says)
        })
      })
      for (let round = 0; round < rounds; round += 1) {
        yield* Effect.forEach(Array.from({ length: atOnce }), () => ended(peer.port), {
          concurrency: "unbounded",
          discard: true
        })
        peer.cut()
        yield* until(() => peer.sockets.size === 0)
        yield* until(() => {
          collect()
          return natives.every((native) => native.deref() === undefined)
        })
      }
      assert.lengthOf(natives, 2 * rounds * atOnce)
    }))

  it.scopedLive("is so of every connection to the NPU", () =>
    Effect.gen(function*() {
      const register = vi.spyOn(FinalizationRegistry.prototype, "register")
      yield* Effect.addFinalizer(() => Effect.sync(() => register.mockRestore()))
      const wire = yield* wireWith({ Time: (_call, reply) => reply(null, { time: "1" }) })
      yield* wire.unary("Time", {}, Duration.seconds(10))
      const kept = register.mock.calls.map(([target, held]) => [target.constructor.name, held?.constructor.name])
      assert.deepInclude(kept, ["Http2Stream", "Http2Session"])
    }))
})
