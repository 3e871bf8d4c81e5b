import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

import { makeWorld, names, pass, starts, version } from "./world.ts"

const [database, gnmi, ha] = names as [string, string, string]

describe("the daemon over an NPU in memory", () => {
  it.scoped("deploys and starts what is missing, the database first", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0"])
      const daemon = yield* world.boot
      yield* pass(5000)
      for (const name of names) assert.strictEqual(yield* daemon.state(name), "Running", name)
      assert.deepStrictEqual(starts(world.calls), [database, gnmi, ha])
      assert.deepStrictEqual(
        world.calls.filter((call) => call.method === "Deploy").map((call) => call.name),
        ["docker-database:1.0", "docker-sonic-gnmi:1.0", "docker-dash-ha:1.0"]
      )
    }))

  it.scoped("starts a crashed container again and nobody else", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0"])
      const daemon = yield* world.boot
      yield* pass(5000)
      world.calls.length = 0
      world.engine.crash(database)
      yield* pass(3000)
      assert.strictEqual(yield* daemon.state(database), "Running")
      assert.deepStrictEqual(world.calls, [
        { method: "RemoveContainer", name: database },
        { method: "StartContainer", name: database }
      ])
      assert.strictEqual((yield* daemon.status(database)).container.restarts, 1)
    }))

  it.scoped("sends an image again that vanished with its container", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0"])
      const daemon = yield* world.boot
      yield* pass(5000)
      world.engine.vanish(ha)
      world.engine.vanishImage({ repository: "docker-dash-ha", tag: "1.0" })
      yield* pass(8000)
      assert.strictEqual(yield* daemon.state(ha), "Running")
    }))

  it.scoped("follows a change of the DPU's version, in order", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0", "2.0"])
      const daemon = yield* world.boot
      yield* pass(5000)
      world.calls.length = 0
      yield* world.setVersion(version("2.0"))
      yield* pass(45_000)
      for (const name of names) {
        const { container } = yield* daemon.status(name)
        assert.deepStrictEqual([container.state, container.version], ["Running", "2.0"], name)
      }
      assert.deepStrictEqual(starts(world.calls), [database, gnmi, ha])
    }))

  it.scoped("leaves a service stopped that the operator stopped, across a restart of the daemon", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0"])
      const first = yield* world.boot
      yield* pass(5000)
      const stopping = yield* Effect.fork(
        first.decider.command({ _tag: "SetDesired", container: gnmi, desired: "stopped" })
      )
      yield* pass(3000)
      assert.strictEqual((yield* stopping.await)._tag, "Success")
      assert.strictEqual(yield* first.state(gnmi), "Stopped")
      yield* first.kill
      world.calls.length = 0
      const second = yield* world.boot
      yield* pass(5000)
      assert.strictEqual(yield* second.state(gnmi), "Stopped")
      assert.deepStrictEqual(world.calls, [])
    }))

  it.scoped("goes on saying that memory cannot be saved, until it can", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0"])
      const daemon = yield* world.boot
      yield* pass(5000)
      world.disk.fault = "the disk is full"
      const stopping = yield* Effect.fork(
        daemon.decider.command({ _tag: "SetDesired", container: gnmi, desired: "stopped" })
      )
      yield* pass(3000)
      assert.strictEqual((yield* Fiber.join(stopping))._tag, "NotRecorded")
      // Nothing has changed since that would have to be saved, and the disk is full all the same.
      const unsaved = Effect.map(daemon.decider.memory, (memory) => memory.unsaved?.reason)
      assert.strictEqual(yield* unsaved, "the disk is full")
      world.disk.fault = undefined
      yield* pass(3000)
      assert.isUndefined(yield* unsaved)
    }))

  it.scoped("waits while the NPU is away, counts nothing, and has all running after two looks of its return", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0"])
      world.connection.disconnect("the NPU is away")
      const daemon = yield* world.boot
      yield* pass(30_000, 500)
      assert.strictEqual(yield* daemon.state(database), "Unknown")
      assert.deepStrictEqual(world.calls, [])
      world.connection.restore()
      yield* pass(4000)
      for (const name of names) assert.strictEqual(yield* daemon.state(name), "Running", name)
      world.connection.disconnect("the NPU is away again")
      yield* pass(20_000, 500)
      assert.strictEqual(yield* daemon.state(database), "Unknown")
      world.connection.restore()
      world.answered.lists = 0
      const back = Effect.map(
        Effect.forEach(names, daemon.state),
        (states) => states.every((state) => state === "Running")
      )
      while (!(yield* back) && world.answered.lists <= 2) yield* pass(20)
      assert.isAtMost(world.answered.lists, 2, "looks until all three run again")
      for (const name of names) {
        const { container } = yield* daemon.status(name)
        assert.deepStrictEqual([container.state, container.restarts], ["Running", 0], name)
      }
    }))
})
