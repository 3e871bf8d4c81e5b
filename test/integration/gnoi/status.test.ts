import * as http2 from "node:http2"

import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

import { errorOfStatus } from "../../../layers/gnoi/status.ts"
import type { ListImageResponse } from "../../../src/npu/messages.ts"
import type { WireError } from "../../../src/npu/wire.ts"
import { failure, freePort, linkTo, listen, serve, signal, wireTo, wireWith } from "./support.ts"

const image: ListImageResponse = { id: "sha256:1", imageName: "sonic-gnmi", tag: "1" }

/** Never reached, unless something is broken. */
const soon = Duration.seconds(10)
const at50 = Duration.millis(50)

const gist = ({ code, origin }: WireError) => `${code} ${origin}`

/** A raw HTTP/2 server, for answers that no gRPC server gives. */
const http2Server = (answer: (stream: http2.ServerHttp2Stream) => void) =>
  Effect.gen(function*() {
    const server = http2.createServer()
    server.on("stream", (stream) => {
      stream.on("error", () => {})
      answer(stream)
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => server.close()))
    return yield* listen((socket) => void server.emit("connection", socket))
  })

describe("a status that grpc-js makes of what was thrown inside it", () => {
  it("is an error without code and details, and no exception", () => {
    const thrown = { ...new TypeError("odd"), metadata: new grpc.Metadata() } as unknown as grpc.ServiceError
    const { code, details, origin } = errorOfStatus("ListContainer", thrown)
    assert.deepStrictEqual([code, details, origin], ["UNKNOWN", "", "local"])
  })
})

describe("a status from the peer", () => {
  it.scopedLive("keeps code and details, and counts as the peer's even where this side uses the same code", () =>
    Effect.gen(function*() {
      for (
        const [code, name] of [
          [grpc.status.UNAVAILABLE, "UNAVAILABLE"],
          [grpc.status.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"],
          [grpc.status.CANCELLED, "CANCELLED"],
          [grpc.status.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"],
          [grpc.status.INTERNAL, "INTERNAL"],
          [grpc.status.UNAUTHENTICATED, "UNAUTHENTICATED"]
        ] as const
      ) {
        const wire = yield* wireWith({
          StartContainer: (_call, reply) => reply(failure(code, "Connection dropped, says the peer: ä 100%"))
        })
        const error = yield* Effect.flip(
          wire.unary("StartContainer", { imageName: "a", tag: "b", instanceName: "c" }, soon)
        )
        assert.strictEqual(gist(error), `${name} peer`)
        assert.strictEqual(error.details, "Connection dropped, says the peer: ä 100%")
        assert.strictEqual(error.method, "StartContainer")
      }
    }))

  it.scopedLive("after rows fails the whole list", () =>
    Effect.gen(function*() {
      const wire = yield* wireWith({
        ListImage: (call) => {
          call.write(image)
          call.write(image)
          call.emit("error", failure(grpc.status.UNAVAILABLE, "engine restarts"))
        }
      })
      const error = yield* Effect.flip(wire.collect("ListImage", {}, soon))
      assert.strictEqual(gist(error), "UNAVAILABLE peer")
      assert.strictEqual(error.details, "engine restarts")
    }))

  it.scopedLive("is UNIMPLEMENTED for a method that the peer does not know", () =>
    Effect.gen(function*() {
      const wire = yield* wireWith({})
      assert.strictEqual(gist(yield* Effect.flip(wire.unary("Time", {}, soon))), "UNIMPLEMENTED peer")
    }))

  it.scopedLive("with a number that gRPC does not know is UNKNOWN", () =>
    Effect.gen(function*() {
      const { port } = yield* http2Server((stream) =>
        stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "77" }, { endStream: true })
      )
      const wire = yield* wireTo(port)
      assert.strictEqual(gist(yield* Effect.flip(wire.unary("Time", {}, soon))), "UNKNOWN peer")
    }))
})

describe("a status made here", () => {
  it.scopedLive("is UNAVAILABLE when nobody listens", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const wire = yield* wireTo(port)
      const refused = yield* Effect.flip(wire.unary("Time", {}, soon))
      assert.strictEqual(gist(refused), "UNAVAILABLE local")
      assert.strictEqual(refused.details, `connect ECONNREFUSED 127.0.0.1:${port}`, "and says it without padding")
      assert.strictEqual(
        gist(yield* Effect.flip(wire.collect("ListImage", {}, soon))),
        "UNAVAILABLE local"
      )
    }))

  it.scopedLive("is UNAVAILABLE when the connection is cut during a call", () =>
    Effect.gen(function*() {
      const arrived = signal()
      const { port } = yield* serve({ Time: () => arrived.fire() })
      const link = yield* linkTo(port)
      const wire = yield* wireTo(link.port)
      const fiber = yield* Effect.fork(Effect.flip(wire.unary("Time", {}, soon)))
      yield* arrived.awaited
      link.cut()
      assert.strictEqual(gist(yield* Fiber.join(fiber)), "UNAVAILABLE local")
    }))

  it.scopedLive("is made of a list that is cut after some rows", () =>
    Effect.gen(function*() {
      const arrived = signal()
      const { port } = yield* serve({
        ListImage: (call) => {
          call.write(image)
          arrived.fire()
        }
      })
      const link = yield* linkTo(port)
      const wire = yield* wireTo(link.port)
      const fiber = yield* Effect.fork(Effect.flip(wire.collect("ListImage", {}, soon)))
      yield* arrived.awaited
      link.cut()
      assert.strictEqual(gist(yield* Fiber.join(fiber)), "UNAVAILABLE local")
    }))

  it.scopedLive("is made when the server is shut down by force during a call", () =>
    Effect.gen(function*() {
      const arrived = signal()
      const { port, server } = yield* serve({ Time: () => arrived.fire() })
      const wire = yield* wireTo(port)
      const fiber = yield* Effect.fork(Effect.flip(wire.unary("Time", {}, soon)))
      yield* arrived.awaited
      server.forceShutdown()
      assert.strictEqual((yield* Fiber.join(fiber)).origin, "local")
    }))

  it.scopedLive("is DEADLINE_EXCEEDED at the deadline, of unary calls and of lists, connected or not", () =>
    Effect.gen(function*() {
      // A server of grpc-js would keep the deadline as well, and may say so first.
      const { port } = yield* http2Server((stream) =>
        stream.respond({ ":status": 200, "content-type": "application/grpc" })
      )
      const wire = yield* wireTo(port)
      assert.strictEqual(
        gist(yield* Effect.flip(wire.unary("Time", {}, at50))),
        "DEADLINE_EXCEEDED local"
      )
      assert.strictEqual(
        gist(yield* Effect.flip(wire.collect("ListImage", {}, at50))),
        "DEADLINE_EXCEEDED local"
      )
      const silent = yield* listen(() => {})
      const toSilent = yield* wireTo(silent.port)
      assert.strictEqual(
        gist(yield* Effect.flip(toSilent.unary("Time", {}, at50))),
        "DEADLINE_EXCEEDED local"
      )
    }))

  it.scopedLive("is RESOURCE_EXHAUSTED for a message above the receive limit", () =>
    Effect.gen(function*() {
      const wire = yield* wireWith({
        Verify: (_call, reply) => reply(null, { version: "x".repeat(2000), activationFailMessage: "" })
      }, { messageLimit: 1000 })
      assert.strictEqual(
        gist(yield* Effect.flip(wire.unary("Verify", {}, soon))),
        "RESOURCE_EXHAUSTED local"
      )
    }))

  it.scopedLive("is INTERNAL for a message that cannot be decoded, although the peer says OK", () =>
    Effect.gen(function*() {
      const { port } = yield* http2Server((stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true })
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }))
        stream.end(Buffer.from([0, 0, 0, 0, 2, 0x4f, 0]))
      })
      const wire = yield* wireTo(port)
      assert.strictEqual(gist(yield* Effect.flip(wire.unary("Verify", {}, soon))), "INTERNAL local")
      assert.strictEqual(
        gist(yield* Effect.flip(wire.collect("ListImage", {}, soon))),
        "INTERNAL local"
      )
    }))

  it.scopedLive("is made for a request that cannot be encoded", () =>
    Effect.gen(function*() {
      const wire = yield* wireWith({})
      const error = yield* Effect.flip(
        wire.unary("StartContainer", { limits: "none" } as never, soon)
      )
      assert.strictEqual(gist(error), "INTERNAL local")
    }))

  it.scopedLive("is made of an HTTP error without a gRPC status", () =>
    Effect.gen(function*() {
      const { port } = yield* http2Server((stream) => stream.respond({ ":status": 503 }, { endStream: true }))
      const wire = yield* wireTo(port)
      assert.strictEqual(gist(yield* Effect.flip(wire.unary("Time", {}, soon))), "UNAVAILABLE local")
    }))

  it.scopedLive("is made of a stream that the peer resets", () =>
    Effect.gen(function*() {
      const { port } = yield* http2Server((stream) => stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM))
      const wire = yield* wireTo(port)
      assert.strictEqual(
        gist(yield* Effect.flip(wire.unary("Time", {}, soon))),
        "RESOURCE_EXHAUSTED local"
      )
    }))

  it.scopedLive("is made of an OK without the one message", () =>
    Effect.gen(function*() {
      const { port } = yield* http2Server((stream) =>
        stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "0" }, { endStream: true })
      )
      const wire = yield* wireTo(port)
      assert.strictEqual((yield* Effect.flip(wire.unary("Time", {}, soon))).origin, "local")
    }))
})
