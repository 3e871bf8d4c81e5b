import { connect, createServer } from "node:net"

import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"

import { administer } from "../../../layers/npu-sim/admin/client.ts"
import { load, service, world } from "./world.ts"

/** What a port says to these bytes: its first bytes, or how it fails; `silent` after a moment of nothing. */
const ask = (port: number, bytes: string): Effect.Effect<string> =>
  Effect.async((resume) => {
    const socket = connect(port, "127.0.0.1")
    const end = (answer: string): void => {
      clearTimeout(timer)
      socket.destroy()
      resume(Effect.succeed(answer))
    }
    const timer = setTimeout(() => end("silent"), 150)
    socket.on("connect", () => socket.write(bytes))
    socket.on("data", (answer) => end(answer.toString()))
    socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? ""))
  })

describe("a running container's port", () => {
  it.scopedLive("answers PING, inline and in RESP, several at once and in pieces", () =>
    Effect.gen(function*() {
      const { client, ports } = yield* world()
      yield* load(client)
      assert.strictEqual(yield* ask(ports.redis, "PING\r\n"), "ECONNREFUSED")
      yield* Effect.promise(() => client.unary("StartContainer", service("redisdpu0")))
      assert.strictEqual(yield* ask(ports.redis, "PING\r\n"), "+PONG\r\n")
      assert.strictEqual(
        yield* ask(ports.redis, "*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nPING\r\n$2\r\nhi\r\n"),
        "+PONG\r\n$2\r\nhi\r\n"
      )
      assert.match(yield* ask(ports.redis, "*1\r\n$8\r\nFLUSHALL\r\n"), /^-ERR unknown command/)
      assert.match(yield* ask(ports.redis, "*x\r\n"), /^-ERR Protocol error/)
    }))

  it.scopedLive("closes with the container, and its connections with it", () =>
    Effect.gen(function*() {
      const { client, engine, ports } = yield* world()
      yield* load(client)
      yield* Effect.promise(() => client.unary("StartContainer", service("tcpdpu0")))
      const ended = Effect.async<string>((resume) => {
        const socket = connect(ports.tcp, "127.0.0.1")
        socket.on("connect", () => engine.crash("tcpdpu0"))
        socket.on("close", () => resume(Effect.succeed("closed")))
        socket.on("error", () => undefined)
      })
      assert.strictEqual(yield* ended, "closed")
      yield* Effect.promise(() => client.unary("RemoveContainer", { name: "tcpdpu0" }))
      assert.strictEqual(yield* ask(ports.tcp, ""), "ECONNREFUSED")
      yield* Effect.promise(() => client.unary("StartContainer", service("tcpdpu0")))
      assert.strictEqual(yield* ask(ports.tcp, ""), "silent")
      yield* Effect.promise(() => client.unary("StopContainer", { instanceName: "tcpdpu0" }))
      assert.strictEqual(yield* ask(ports.tcp, ""), "ECONNREFUSED")
    }))

  it.scopedLive("serves gRPC health", () =>
    Effect.gen(function*() {
      const { adminPath, client, ports } = yield* world()
      yield* load(client)
      yield* Effect.promise(() => client.unary("StartContainer", service("grpcdpu0")))
      // HealthCheckResponse.status: field 1, SERVING 1, NOT_SERVING 2.
      assert.deepStrictEqual(yield* check(ports.grpc), [0x08, 0x01])
      yield* Effect.promise(() => administer(adminPath, "probe", { container: "grpcdpu0", mode: "wrong" }))
      assert.deepStrictEqual(yield* check(ports.grpc), [0x08, 0x02])
    }))

  it.scopedLive("can be made to refuse, hang and answer wrongly, and mended", () =>
    Effect.gen(function*() {
      const { adminPath, client, ports } = yield* world()
      yield* load(client)
      yield* Effect.promise(() => client.unary("StartContainer", service("redisdpu0")))
      const probe = (mode: string) =>
        Effect.zipRight(
          Effect.promise(() => administer(adminPath, "probe", { container: "redisdpu0", mode })),
          ask(ports.redis, "PING\r\n")
        )
      assert.strictEqual(yield* probe("refuse"), "ECONNREFUSED")
      assert.strictEqual(yield* probe("hang"), "silent")
      assert.strictEqual(yield* probe("wrong"), "+NOT REDIS\r\n")
      assert.strictEqual(yield* probe("ok"), "+PONG\r\n")
    }))

  it.scopedLive("stays closed for an image that is never healthy", () =>
    Effect.gen(function*() {
      const { client, ports } = yield* world()
      yield* load(client, "never-healthy")
      yield* Effect.promise(() => client.unary("StartContainer", service("redisdpu0")))
      assert.strictEqual(yield* ask(ports.redis, "PING\r\n"), "ECONNREFUSED")
    }))

  it.scopedLive("moves to the new container when one is updated", () =>
    Effect.gen(function*() {
      const { client, ports } = yield* world()
      yield* load(client)
      yield* load(client, "probe:wrong", "service:2")
      yield* Effect.promise(() => client.unary("StartContainer", service("redisdpu0")))
      const update = { instanceName: "redisdpu0", imageName: "service", imageTag: "2" }
      yield* Effect.promise(() => client.unary("UpdateContainer", update))
      assert.strictEqual(yield* ask(ports.redis, "PING\r\n"), "+NOT REDIS\r\n")
    }))

  it.scopedLive("if taken by something else, makes the start UNAVAILABLE and leaves nothing behind", () =>
    Effect.gen(function*() {
      const { client, engine, ports } = yield* world()
      yield* load(client)
      const other = createServer()
      yield* Effect.async<void>((resume) => void other.listen(ports.redis, "127.0.0.1", () => resume(Effect.void)))
      const status = yield* Effect.promise(() => client.status("StartContainer", service("redisdpu0")))
      assert.strictEqual(status, "UNAVAILABLE")
      assert.isUndefined(engine.container("redisdpu0"))
      yield* Effect.async<void>((resume) => void other.close(() => resume(Effect.void)))
      assert.strictEqual(yield* Effect.promise(() => client.status("StartContainer", service("redisdpu0"))), "OK")
    }))
})

const check = (port: number): Effect.Effect<ReadonlyArray<number>> =>
  Effect.async((resume) => {
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1
    })
    const raw = (bytes: Buffer) => bytes
    client.makeUnaryRequest("/grpc.health.v1.Health/Check", raw, raw, Buffer.alloc(0), (_, response) => {
      client.close()
      resume(Effect.succeed([...(response ?? [])]))
    })
  })
