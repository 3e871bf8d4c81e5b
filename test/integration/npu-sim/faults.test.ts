import { connect as connectTcp } from "node:net"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { administer, state, verbs } from "../../../layers/npu-sim/admin/client.ts"
import { connected, load, service, world } from "./world.ts"

const admin = (path: string, verb: string, args: Record<string, string | number> = {}) =>
  Effect.tryPromise({ try: () => administer(path, verb, args), catch: (error) => error as Error })

describe("the administrator", () => {
  it.scopedLive("lists verbs with a sentence and parameters each, and shows the state", () =>
    Effect.gen(function*() {
      const { adminPath, client, server } = yield* world()
      const known = yield* Effect.promise(() => verbs(adminPath))
      assert.deepStrictEqual(known["crash"]?.parameters, ["container", "exitCode?"])
      for (const { summary } of Object.values(known)) assert.isAbove(summary.length, 10)
      yield* Effect.promise(() => client.unary("Time", {}))
      const seen = yield* Effect.promise(() => state(adminPath))
      assert.deepInclude(seen.server, { port: server.listener.port, listening: true, connections: 1 })
      assert.deepStrictEqual(seen.calls, { Time: 1 })
      assert.isDefined(seen.engine)
    }))

  it.scopedLive("is told what is wrong with its words", () =>
    Effect.gen(function*() {
      const { adminPath } = yield* world()
      const why = (verb: string, args?: Record<string, string | number>) =>
        Effect.map(Effect.flip(admin(adminPath, verb, args)), (error) => error.message)
      assert.match(yield* why("explode"), /there is no POST \/explode/)
      assert.match(yield* why("crash"), /container/)
      assert.match(yield* why("crash", { container: "a", colour: "red" }), /colour/)
      assert.match(yield* why("crash", { container: "a" }), /there is no container a/)
      assert.match(yield* why("behave", { image: "service:1", behaviour: "dance" }), /dance/)
      assert.match(yield* why("probe", { container: "a", mode: "maybe" }), /refuse/)
    }))

  it.scopedLive("makes lists empty, containers crash, images misbehave, disks full", () =>
    Effect.gen(function*() {
      const { adminPath, client, engine } = yield* world()
      yield* load(client)
      yield* Effect.promise(() => client.unary("StartContainer", service("a")))
      yield* admin(adminPath, "empty-list")
      assert.deepStrictEqual(yield* Effect.promise(() => client.collect("ListContainer", { all: true })), [])
      yield* admin(adminPath, "crash", { container: "a", exitCode: "9" })
      assert.strictEqual(engine.container("a")?.exitCode, 9)
      yield* admin(adminPath, "behave", { image: "service:1", behaviour: "bad-command" })
      assert.strictEqual(yield* Effect.promise(() => client.status("StartContainer", service("b"))), "INTERNAL")
      yield* admin(adminPath, "fill-disk", { left: 100 })
      assert.strictEqual((yield* load(client, "", "other:1")).status, "RESOURCE_EXHAUSTED")
    }))

  it.scopedLive("has calls fail, lose their answers, and stall, until it comes back", () =>
    Effect.gen(function*() {
      const { adminPath, client, engine } = yield* world()
      yield* load(client)
      yield* admin(adminPath, "fail", { method: "StartContainer", code: "ABORTED" })
      assert.strictEqual(yield* Effect.promise(() => client.status("StartContainer", service("a"))), "ABORTED")
      assert.isUndefined(engine.container("a"))
      yield* admin(adminPath, "lose-answers", { method: "StartContainer" })
      const lost = client.status("StartContainer", service("a"), 100)
      assert.strictEqual(yield* Effect.promise(() => lost), "DEADLINE_EXCEEDED")
      assert.strictEqual(engine.container("a")?.state, "running")
      yield* admin(adminPath, "stall")
      const stalled = client.status("StopContainer", { instanceName: "a" }, 100)
      assert.strictEqual(yield* Effect.promise(() => stalled), "DEADLINE_EXCEEDED")
      yield* admin(adminPath, "come-back")
      assert.strictEqual(engine.container("a")?.state, "running")
      assert.strictEqual(yield* Effect.promise(() => client.status("StopContainer", { instanceName: "a" })), "OK")
    }))

  it.scopedLive("slows a method or all, and 0 ends both", () =>
    Effect.gen(function*() {
      const { adminPath, client } = yield* world()
      const time = (deadline: number) => Effect.promise(() => client.status("Time", {}, deadline))
      const slow = (millis: number, method?: string) =>
        admin(adminPath, "slow", { millis, ...(method === undefined ? {} : { method }) })
      yield* slow(20_000, "Time")
      assert.strictEqual(yield* time(50), "DEADLINE_EXCEEDED")
      yield* slow(0)
      assert.strictEqual(yield* time(5000), "OK")
      yield* slow(20_000)
      yield* slow(0, "Time")
      assert.strictEqual(yield* time(5000), "OK")
      yield* slow(20_000)
      assert.strictEqual(yield* time(50), "DEADLINE_EXCEEDED")
    }))

  it.scopedLive("sends the server away and brings it back on the same port", () =>
    Effect.gen(function*() {
      const { adminPath, client, server } = yield* world()
      yield* Effect.promise(() => client.unary("Time", {}))
      const follow = client.raw("Log", { instanceName: "a", follow: true })
      follow.on("error", () => undefined)
      yield* admin(adminPath, "go-away")
      assert.strictEqual(yield* Effect.promise(() => client.status("Time", {})), "UNAVAILABLE")
      assert.deepInclude(server.listener.state(), { listening: false })
      yield* admin(adminPath, "come-back")
      const again = yield* connected(server.listener.port)
      assert.strictEqual(yield* Effect.promise(() => again.status("Time", {})), "OK")
    }))

  it.scopedLive("keeps what is connected and refuses what is new", () =>
    Effect.gen(function*() {
      const { adminPath, client, server } = yield* world()
      yield* Effect.promise(() => client.unary("Time", {}))
      yield* admin(adminPath, "refuse")
      assert.strictEqual(yield* Effect.promise(() => client.status("Time", {})), "OK")
      const refused = yield* Effect.async<string>((resume) => {
        connectTcp(server.listener.port, "127.0.0.1").on("error", (error: NodeJS.ErrnoException) =>
          resume(Effect.succeed(error.code ?? "")))
      })
      assert.strictEqual(refused, "ECONNREFUSED")
    }))

  it.scopedLive("has the server accept connections and say nothing", () =>
    Effect.gen(function*() {
      const { adminPath, client, server } = yield* world()
      yield* admin(adminPath, "silence")
      assert.strictEqual(yield* Effect.promise(() => client.status("Time", {}, 200)), "DEADLINE_EXCEEDED")
      assert.isAtLeast(server.listener.state().connections, 1)
      yield* admin(adminPath, "come-back")
      const again = yield* connected(server.listener.port)
      assert.strictEqual(yield* Effect.promise(() => again.status("Time", {})), "OK")
    }))

  it.scopedLive("reboots the NPU: connections break, containers are gone, images stay", () =>
    Effect.gen(function*() {
      const { adminPath, client, engine, server } = yield* world()
      yield* load(client)
      yield* Effect.promise(() => client.unary("StartContainer", service("a")))
      yield* admin(adminPath, "reboot")
      assert.deepStrictEqual(engine.inspect().containers, [])
      const again = yield* connected(server.listener.port)
      assert.strictEqual((yield* Effect.promise(() => again.collect("ListImage", {}))).length, 1)
    }))
})
