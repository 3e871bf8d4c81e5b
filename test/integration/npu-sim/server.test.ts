import { connect as connectHttp2 } from "node:http2"

import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import * as protoLoader from "@grpc/proto-loader"
import * as Effect from "effect/Effect"
import { protoPath } from "grpc-health-check"

import { windowSize } from "../../../layers/npu-sim/server/window.ts"
import { load, service, world } from "./world.ts"

describe("the gRPC server", () => {
  it.scopedLive("serves a container's life, with the engine's statuses", () =>
    Effect.gen(function*() {
      const { client } = yield* world()
      yield* load(client)
      const life = async () => [
        await client.status("StartContainer", service("redisdpu0")),
        await client.status("StartContainer", service("redisdpu0")),
        await client.status("RemoveContainer", { name: "redisdpu0" }),
        await client.status("StopContainer", { instanceName: "redisdpu0" }),
        await client.status("StopContainer", { instanceName: "redisdpu0" }),
        await client.status("StartContainer", service("redisdpu0")),
        await client.status("RemoveContainer", { name: "redisdpu0" }),
        await client.status("UpdateContainer", { instanceName: "redisdpu0", imageName: "service", imageTag: "1" }),
        await client.status("CreateVolume", { name: "v" }),
        await client.status("RemoveVolume", { name: "v" }),
        await client.status("RemoveImage", { name: "service", tag: "1" })
      ]
      assert.deepStrictEqual(yield* Effect.promise(life), [
        "OK",
        "ALREADY_EXISTS",
        "FAILED_PRECONDITION",
        "OK",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "OK",
        "NOT_FOUND",
        "OK",
        "OK",
        "OK"
      ])
    }))

  it.scopedLive("serves lists, Time and Verify", () =>
    Effect.gen(function*() {
      const { client } = yield* world()
      yield* load(client)
      yield* Effect.promise(() => client.unary("StartContainer", { ...service("a"), labels: { k: "v" } }))
      const containers = yield* Effect.promise(() => client.collect("ListContainer", {}))
      assert.deepInclude(containers[0], { name: "/a", imageName: "service:1", status: "RUNNING", labels: { k: "v" } })
      const images = yield* Effect.promise(() => client.collect("ListImage", {}))
      assert.deepInclude(images[0], { imageName: "service", tag: "1" })
      assert.deepStrictEqual(yield* Effect.promise(() => client.collect("ListVolume", {})), [])
      const { time } = yield* Effect.promise(() => client.unary("Time", {}))
      assert.match(time, /^[0-9]{19}$/)
      assert.match((yield* Effect.promise(() => client.unary("Verify", {}))).version, /^SONiC-OS-/)
    }))

  it.scopedLive("follows a log until the container ends", () =>
    Effect.gen(function*() {
      const { client, engine } = yield* world()
      yield* load(client)
      yield* Effect.promise(() => client.unary("StartContainer", service("a")))
      const stream = client.raw("Log", { instanceName: "a", follow: true })
      const said = yield* Effect.async<string>((resume) => {
        let text = ""
        stream.on("data", ({ msg }) => {
          if (text === "") engine.crash("a", 3)
          text += msg
        })
        stream.on("end", () => resume(Effect.succeed(text)))
      })
      assert.match(said, /started a from service:1[\s\S]*exit code 3/)
      const unknown = yield* Effect.flip(Effect.tryPromise({
        try: () => client.collect("Log", { instanceName: "nobody" }),
        catch: (error) => error as grpc.ServiceError
      }))
      assert.strictEqual(unknown.code, grpc.status.UNKNOWN)
    }))

  it.scopedLive("goes on acting on a call whose deadline has passed", () =>
    Effect.gen(function*() {
      const { client, engine, server } = yield* world()
      yield* load(client)
      server.gate.delays.set("StartContainer", 150)
      const started = Effect.async<void>((resume) => {
        const stop = engine.subscribe((event) => {
          if (event._tag === "Started") resume(Effect.sync(stop))
        })
      })
      const status = client.status("StartContainer", service("a"), 30)
      assert.strictEqual(yield* Effect.promise(() => status), "DEADLINE_EXCEEDED")
      yield* started
    }))

  it.scopedLive("opens its flow-control window", () =>
    Effect.gen(function*() {
      const { server } = yield* world()
      const settings = yield* Effect.async<number>((resume) => {
        const session = connectHttp2(`http://127.0.0.1:${server.listener.port}`)
        session.on("remoteSettings", ({ initialWindowSize }) => {
          const connection = () => session.state.remoteWindowSize ?? 0
          const look = (): void => {
            if (connection() < windowSize) {
              setImmediate(look)
              return
            }
            session.destroy()
            resume(Effect.succeed(initialWindowSize ?? 0))
          }
          look()
        })
      })
      assert.strictEqual(settings, windowSize)
    }))

  it.scopedLive("closes idle connections where told to, and takes them up again", () =>
    Effect.gen(function*() {
      const { client, server } = yield* world({ server: { idleMillis: 50 } })
      assert.strictEqual(yield* Effect.promise(() => client.status("Time", {})), "OK")
      yield* Effect.async<void>((resume) => {
        const look = (): void => {
          if (server.listener.state().connections === 0) resume(Effect.void)
          else setImmediate(look)
        }
        look()
      })
      assert.strictEqual(yield* Effect.promise(() => client.status("Time", {})), "OK")
    }))

  it.scopedLive("registers health and reflection", () =>
    Effect.gen(function*() {
      const { server } = yield* world()
      const address = `127.0.0.1:${server.listener.port}`
      const health = grpc.loadPackageDefinition(protoLoader.loadSync(protoPath)) as never as Loaded
      const checker = new health.grpc.health.v1.Health(address, grpc.credentials.createInsecure())
      const status = yield* Effect.async<string>((resume) => {
        checker.Check({ service: "gnoi.containerz.Containerz" }, (_: unknown, response: { status: string | number }) =>
          resume(Effect.succeed(String(response.status))))
      })
      checker.close()
      assert.include(["SERVING", "1"], status)
      assert.include(yield* reflected(address), "gnoi.containerz.Containerz")
    }))
})

interface Loaded {
  readonly grpc: {
    readonly health: { readonly v1: { readonly Health: new(...args: ReadonlyArray<unknown>) => Checker } }
  }
}
interface Checker {
  Check: (request: object, done: (error: unknown, response: { status: string | number }) => void) => void
  close: () => void
}

/** Asks for the list of services in the bytes that the protocol puts it in: `list_services`, field 7. */
const reflected = (address: string): Effect.Effect<string> =>
  Effect.async((resume) => {
    const client = new grpc.Client(address, grpc.credentials.createInsecure())
    const raw = (bytes: Buffer) => bytes
    const call = client.makeBidiStreamRequest(
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      raw,
      raw,
      new grpc.Metadata()
    )
    call.on("error", () => undefined)
    call.on("data", (bytes: Buffer) => {
      call.end()
      client.close()
      resume(Effect.succeed(bytes.toString("latin1")))
    })
    call.write(Buffer.from([0x3a, 0x01, 0x2a]))
  })
