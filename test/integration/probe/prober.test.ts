import { createServer as createHttp2Server, type Http2Server } from "node:http2"
import { type AddressInfo, createServer, type Socket } from "node:net"

import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { HealthImplementation } from "grpc-health-check"

import { layer } from "../../../layers/probe/prober.ts"
import { Prober, type ProbeTarget } from "../../../src/health/prober.ts"

/** The test's clock stands still, so a time-out comes only where a test moves it. */
const timeout = Duration.seconds(1)

const probe = (kind: ProbeTarget["kind"], port: number, host = "127.0.0.1") =>
  Effect.provide(Effect.flatMap(Prober, (prober) => prober.probe({ kind, host, port }, timeout)), layer)

/** A peer on a free port that treats each connection so; `closed` resolves when a connection is gone. */
const peer = (treat: (socket: Socket) => void) =>
  Effect.gen(function*() {
    const connected = yield* Deferred.make<void>()
    const closed = yield* Deferred.make<void>()
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => {
        sockets.delete(socket)
        Deferred.unsafeDone(closed, Effect.void)
      })
      Deferred.unsafeDone(connected, Effect.void)
      treat(socket)
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.async<void>((resume) => {
          sockets.forEach((socket) => socket.destroy())
          server.close(() => resume(Effect.void))
        })
    )
    return {
      port: (server.address() as AddressInfo).port,
      connected: Deferred.await(connected),
      closed: Deferred.await(closed)
    }
  })

/** A port that nobody listens on. */
const freePort = Effect.map(Effect.scoped(peer(() => {})), ({ port }) => port)

const answering = (...chunks: ReadonlyArray<string>) =>
  peer((socket) => {
    const send = ([chunk, ...rest]: ReadonlyArray<string>): void => {
      if (chunk !== undefined) socket.write(chunk, () => setImmediate(() => send(rest)))
    }
    socket.once("data", () => send(chunks))
  })

const ignore = (socket: Socket): void => void socket.resume()

const kinds = ["tcp", "redis", "grpc"] as const

describe("a probe of any kind", () => {
  for (const kind of kinds) {
    it.effect(`${kind}: a refused connection is Unhealthy`, () =>
      Effect.gen(function*() {
        const port = yield* freePort
        assert.deepStrictEqual(yield* probe(kind, port), {
          _tag: "Unhealthy",
          reason: `127.0.0.1:${port} refused the connection`
        })
      }))

    it.effect(`${kind}: a name that is not known, a bad port, are Unknown`, () =>
      Effect.gen(function*() {
        const unknown = yield* probe(kind, 1, "no-such-host.invalid")
        assert.strictEqual(unknown._tag, "Unknown")
        assert.strictEqual((yield* probe(kind, 70_000))._tag, "Unknown")
      }))
  }

  for (const kind of ["redis", "grpc"] as const) {
    it.scoped(`${kind}: silence until the time-out is Unknown, and leaves no connection`, () =>
      Effect.gen(function*() {
        const silent = yield* peer(ignore)
        const probing = yield* Effect.fork(probe(kind, silent.port))
        yield* silent.connected
        yield* TestClock.adjust(timeout)
        assert.deepStrictEqual(yield* Fiber.join(probing), {
          _tag: "Unknown",
          reason: `127.0.0.1:${silent.port} did not answer within 1s`
        })
        yield* silent.closed
      }))

    it.scoped(`${kind}: an interruption leaves no connection`, () =>
      Effect.gen(function*() {
        const silent = yield* peer(ignore)
        const probing = yield* Effect.fork(probe(kind, silent.port))
        yield* silent.connected
        yield* Fiber.interrupt(probing)
        yield* silent.closed
      }))

    it.scoped(`${kind}: a connection that ends without an answer is Unhealthy`, () =>
      Effect.gen(function*() {
        const closing = yield* peer((socket) => void socket.end())
        const result = yield* probe(kind, closing.port)
        assert.strictEqual(result._tag, "Unhealthy")
        assert.match(
          result._tag === "Unhealthy" ? result.reason : "",
          /closed the connection without an answer|broke off|reset/
        )
      }))

    it.scoped(`${kind}: a reset is Unhealthy`, () =>
      Effect.gen(function*() {
        const resetting = yield* peer((socket) => void socket.once("data", () => socket.resetAndDestroy()))
        const result = yield* probe(kind, resetting.port)
        assert.deepStrictEqual(result, {
          _tag: "Unhealthy",
          reason: `127.0.0.1:${resetting.port} reset the connection`
        })
      }))

    it.scoped(`${kind}: the answer of a web server is Unhealthy`, () =>
      Effect.gen(function*() {
        const web = yield* answering("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        assert.strictEqual((yield* probe(kind, web.port))._tag, "Unhealthy")
        yield* web.closed
      }))
  }
})

describe("a TCP probe", () => {
  it.effect("is Unknown where no road leads to the service", () =>
    Effect.gen(function*() {
      // The kernel refuses this address of the reserved class E, or has no route to it.
      const result = yield* probe("tcp", 80, "255.255.255.255")
      assert.strictEqual(result._tag, "Unknown")
      assert.match(result._tag === "Unknown" ? result.reason : "", /^255\.255\.255\.255:80 cannot be asked: /)
    }))

  it.scoped("is Healthy when connected, and leaves no connection", () =>
    Effect.gen(function*() {
      const silent = yield* peer(ignore)
      assert.deepStrictEqual(yield* probe("tcp", silent.port), { _tag: "Healthy" })
      yield* silent.closed
    }))
})

describe("a Redis probe", () => {
  for (const chunks of [["+PONG\r\n"], ["+", "PO", "NG\r", "\n"], ["+PONG\r\n+more"], ["+PONG\n"]]) {
    it.scoped(`is Healthy on ${JSON.stringify(chunks)}`, () =>
      Effect.gen(function*() {
        const redis = yield* answering(...chunks)
        assert.deepStrictEqual(yield* probe("redis", redis.port), { _tag: "Healthy" })
        yield* redis.closed
      }))
  }

  for (
    const [answer, reason] of [
      [
        "-NOAUTH Authentication required.\r\n",
        "Redis answered the PING with the error \"NOAUTH Authentication required.\""
      ],
      [
        "-LOADING Redis is loading the dataset in memory\r\n",
        "Redis answered the PING with the error \"LOADING Redis is loading the dataset in memory\""
      ],
      ["$4\r\nPONG\r\n", "the PING was answered with \"$4\", not as Redis does"],
      ["+PONG indeed\r\n", "the PING was answered with \"+PONG indeed\", not as Redis does"],
      ["\u001b[2J\u0007\n", "the PING was answered with \"\\u001b[2J\\u0007\", not as Redis does"],
      ["x".repeat(2000), `the PING was answered with "${"x".repeat(120)}…", not as Redis does`]
    ] as const
  ) {
    it.scoped(`is Unhealthy on ${JSON.stringify(answer.slice(0, 20))}`, () =>
      Effect.gen(function*() {
        const redis = yield* answering(answer)
        assert.deepStrictEqual(yield* probe("redis", redis.port), { _tag: "Unhealthy", reason })
      }))
  }

  it.scoped("sends a PING that Redis reads", () =>
    Effect.gen(function*() {
      const heard = yield* Deferred.make<string>()
      const redis = yield* peer((socket) =>
        void socket.once("data", (chunk) => {
          Deferred.unsafeDone(heard, Effect.succeed(chunk.toString()))
          socket.write("+PONG\r\n")
        })
      )
      yield* probe("redis", redis.port)
      assert.strictEqual(yield* Deferred.await(heard), "*1\r\n$4\r\nPING\r\n")
    }))
})

describe("a gRPC health probe", () => {
  const server = (configure: (server: grpc.Server) => void) =>
    Effect.map(
      Effect.acquireRelease(
        Effect.async<{ server: grpc.Server; port: number }>((resume) => {
          const server = new grpc.Server()
          configure(server)
          server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, port) =>
            resume(Effect.succeed({ server, port })))
        }),
        ({ server }) =>
          Effect.sync(() =>
            server.forceShutdown()
          )
      ),
      ({ port }) => port
    )

  for (
    const [status, expected] of [
      ["SERVING", { _tag: "Healthy" }],
      ["NOT_SERVING", { _tag: "Unhealthy", reason: "the server says NOT_SERVING" }],
      ["UNKNOWN", { _tag: "Unhealthy", reason: "the server says UNKNOWN" }]
    ] as const
  ) {
    it.scoped(`on ${status}`, () =>
      Effect.gen(function*() {
        const port = yield* server((each) => new HealthImplementation({ "": status }).addToServer(each))
        assert.deepStrictEqual(yield* probe("grpc", port), expected)
      }))
  }

  it.scoped("is Unhealthy where the server has no health service, or knows of no state", () =>
    Effect.gen(function*() {
      const without = yield* probe("grpc", yield* server(() => {}))
      assert.strictEqual(without._tag, "Unhealthy")
      assert.match(
        without._tag === "Unhealthy" ? without.reason : "",
        /answered with gRPC status 12 "The server does not/
      )
      const unaware = yield* probe("grpc", yield* server((each) => new HealthImplementation({}).addToServer(each)))
      assert.match(unaware._tag === "Unhealthy" ? unaware.reason : "", /answered with gRPC status 5/)
    }))

  for (
    const [what, headers, body, reason] of [
      ["a web page", { ":status": 404 }, "no", "the health check was answered with HTTP status 404"],
      ["no gRPC status", { ":status": 200 }, "", "the health check was answered with gRPC status missing"],
      [
        "another message",
        { ":status": 200, "grpc-status": "0" },
        "hello, world",
        "the health check was answered with a message that is none of gRPC's"
      ],
      [
        "an endless message",
        { ":status": 200, "grpc-status": "0" },
        "x".repeat(100_000),
        "the health check was answered with a message that is none of gRPC's"
      ],
      ["an empty message", { ":status": 200, "grpc-status": "0" }, "\0\0\0\0\0", "the server says UNKNOWN"],
      [
        "a status to come",
        { ":status": 200, "grpc-status": "0" },
        "\0\0\0\0\u0002\u0008\u0009",
        "the server says status 9"
      ]
    ] as const
  ) {
    it.scoped(`is Unhealthy on ${what}`, () =>
      Effect.gen(function*() {
        const { port } = yield* Effect.acquireRelease(
          Effect.async<{ server: Http2Server; port: number }>((resume) => {
            const server = createHttp2Server().on("stream", (stream) => {
              stream.respond(headers)
              stream.end(body)
            })
            server.listen(0, "127.0.0.1", () =>
              resume(Effect.succeed({ server, port: (server.address() as AddressInfo).port })))
          }),
          ({ server }) =>
            Effect.sync(() =>
              server.close()
            )
        )
        assert.deepStrictEqual(yield* probe("grpc", port), { _tag: "Unhealthy", reason })
      }))
  }

  it.scoped("asks a hundred times without leaving anything behind", () =>
    Effect.gen(function*() {
      const port = yield* server((each) => new HealthImplementation({ "": "SERVING" }).addToServer(each))
      const results = yield* Effect.forEach(Array.from({ length: 100 }), () => probe("grpc", port), { concurrency: 10 })
      assert.isTrue(results.every((result) => result._tag === "Healthy"))
    }))
})
