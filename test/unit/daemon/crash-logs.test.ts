import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import { parse } from "../../../layers/npu-sim/engine/behaviour.ts"
import * as CrashLogs from "../../../src/health/crash-logs.ts"
import { ActivePolicy, defaults, type Policy } from "../../../src/policy/policy.ts"
import { makeWorld, names, pass, starts } from "./world.ts"

const [database] = names as [string]

const crashed = (policy: Policy, log?: Stream.Stream<{ readonly msg: string }>) =>
  Effect.gen(function*() {
    const world = yield* makeWorld(["1.0"], log === undefined ? {} : { stream: () => log })
    const daemon = yield* Effect.provideService(world.boot, ActivePolicy, policy)
    yield* pass(6000, 50)
    const { previous } = daemon.crashLogs
    assert.isUndefined(previous(database))
    world.calls.length = 0
    world.engine.crash(database)
    yield* pass(3000, 50)
    assert.deepStrictEqual(starts(world.calls), [database])
    return previous(database)
  })

const unfollowed: Policy = { ...defaults, hints: { ...defaults.hints, followLogs: false } }

describe("the output of an instance that ended", () => {
  it.scoped("is kept from the log that was followed", () =>
    Effect.gen(function*() {
      const log = yield* crashed(defaults)
      assert.include(log?.text, "terminated with exit code")
    }))

  it.scoped("is fetched before the leftover is removed, where the log was not followed", () =>
    Effect.gen(function*() {
      const log = yield* crashed(unfollowed)
      assert.include(log?.text, "terminated with exit code")
    }))

  it.scoped("is of the one that ended last, also while that waits for its restart and was never seen running", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0"])
      const daemon = yield* Effect.provideService(world.boot, ActivePolicy, unfollowed)
      yield* pass(6000, 50)
      const image = { repository: "docker-database", tag: "1.0" }
      world.engine.setBehaviour(image, Either.getOrThrow(parse("crash-at-start")))
      world.engine.crash(database)
      yield* pass(30_000, 50)
      const leftover = world.engine.container(database)
      assert.strictEqual(leftover?.state, "exited", "it waits for the ladder")
      assert.strictEqual(daemon.crashLogs.previous(database)?.instance, leftover?.id)
      assert.include(daemon.crashLogs.previous(database)?.text, "started databasedpu0")
    }))

  it.scoped("does not hold up the restart where the server never ends it", () =>
    Effect.gen(function*() {
      const log = yield* crashed(unfollowed, Stream.concat(Stream.make({ msg: "half a" }), Stream.never))
      assert.strictEqual(log?.text, "half a")
    }))

  it.effect("is its end, to a bound, and tells the archive", () =>
    Effect.gen(function*() {
      const saved: Array<CrashLogs.CrashLog> = []
      const old = { container: "ha", instance: "0", endedAt: "2026-01-01T00:00:00.000Z", text: "older" }
      const context = yield* Layer.build(CrashLogs.layer).pipe(
        Effect.provideService(ActivePolicy, { ...defaults, evidence: { size: 100, deadline: 500 } }),
        Effect.provideService(CrashLogs.CrashLogArchive, {
          load: Effect.succeed([old]),
          save: (log) => Effect.sync(() => void saved.push(log))
        })
      )
      const logs = Context.get(context, CrashLogs.CrashLogs)
      assert.deepStrictEqual(logs.previous("ha"), old)
      const hear = logs.listen("ha", "a")
      for (let line = 0; line < 100_000; line += 1) hear(`line ${line}\n`)
      yield* logs.ended("ha", "a")
      assert.lengthOf(logs.previous("ha")!.text, 100)
      assert.isTrue(logs.previous("ha")!.text.endsWith("line 99999\n"))
      assert.deepStrictEqual(saved, [logs.previous("ha")])
      yield* logs.ended("ha", "of another instance")
      assert.lengthOf(saved, 1)
    }).pipe(Effect.scoped))
})
