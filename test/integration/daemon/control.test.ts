/** The daemon's own handlers behind a real socket, over an NPU in memory. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"

import { exchange } from "../../../layers/control/client.ts"
import { feed } from "../../../layers/control/feed.ts"
import { make } from "../../../src/cli/control-client.ts"
import type { ContainerList } from "../../../src/control/views.ts"
import { makeWorld, names, version } from "../../unit/daemon/world.ts"

const [database, gnmi, ha] = names as [string, string, string]

/** Asks again until the answer holds. */
const poll = <A, E>(ask: Effect.Effect<A, E>, holds: (answer: A) => boolean): Effect.Effect<A, E> =>
  Effect.flatMap(ask, (answer) => holds(answer) ? Effect.succeed(answer) : Effect.delay(poll(ask, holds), "20 millis"))

const served = (versions: ReadonlyArray<string> = ["1.0"]) =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "daemon-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    const world = yield* makeWorld(versions)
    const daemon = yield* world.boot
    const socket = join(folder, "s")
    yield* daemon.serve(socket)
    const client = make(exchange(socket))
    const until = (holds: (list: ContainerList) => boolean) => poll(client.list, holds)
    return { client, daemon, socket, until, world }
  })

const tagOf = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.either(effect), Either.match({ onLeft: (error) => error._tag, onRight: () => "OK" }))

describe("the control API of a daemon", () => {
  it.scopedLive("lists, explains, stops and starts", () =>
    Effect.gen(function*() {
      const { client, until } = yield* served()
      const list = yield* until(({ containers }) => containers.every(({ state }) => state === "Running"))
      assert.deepStrictEqual(
        list.containers.map(({ name, targetVersion, version }) => [name, version, targetVersion]),
        [
          [database, "1.0", "1.0"],
          [gnmi, "1.0", "1.0"],
          [ha, "1.0", "1.0"]
        ]
      )
      assert.deepStrictEqual([list.dpu, list.npu.reachable], ["dpu0", true])
      const accepted = yield* client.stop("gnmi")
      assert.deepStrictEqual([accepted.container, accepted.desired], [gnmi, "stopped"])
      yield* until(({ containers }) => containers.some(({ name, state }) => name === gnmi && state === "Stopped"))
      const stopped = yield* client.status(gnmi)
      assert.deepStrictEqual([stopped.intent.desired, stopped.intent.fulfilled], ["stopped", true])
      assert.include(stopped.activity, "as the operator asked")
      yield* client.start(gnmi)
      yield* until(({ containers }) => containers.every(({ state }) => state === "Running"))
      assert.strictEqual((yield* client.status("gnmi")).container.restarts, 0)
      assert.strictEqual(yield* tagOf(client.status("bgp")), "UnknownContainer")
      assert.strictEqual(yield* tagOf(client.start("databasedpu1")), "UnknownContainer")
      const { daemon, pid, sonicVersion } = yield* client.version
      assert.deepStrictEqual([daemon, pid, sonicVersion], ["0.0.0", 7, "1.0"])
    }))

  it.scopedLive("refuses an intent that cannot be saved", () =>
    Effect.gen(function*() {
      const { client, until, world } = yield* served()
      yield* until(({ containers }) => containers.every(({ state }) => state === "Running"))
      world.disk.fault = "no space left on the device"
      assert.strictEqual(yield* tagOf(client.stop("ha")), "NotRecorded")
      const list = yield* client.list
      assert.isTrue(list.containers.every(({ desired, state }) => desired === "running" && state === "Running"))
      world.disk.fault = undefined
      assert.strictEqual(yield* tagOf(client.stop("ha")), "OK")
    }))

  it.scopedLive("deploys an image by name, and tells how a transfer ended", () =>
    Effect.gen(function*() {
      const { client, until } = yield* served(["1.0", "2.0"])
      yield* until(({ containers }) => containers.every(({ state }) => state === "Running"))
      const ended = (operation: string) => poll(client.deployment(operation), ({ outcome }) => outcome !== null)
      const good = yield* ended((yield* client.deploy({ image: "docker-dash-ha:2.0" })).operation)
      assert.deepStrictEqual([good.outcome, good.image, good.phase], ["succeeded", "docker-dash-ha:2.0", "done"])
      const absent = yield* ended((yield* client.deploy({ image: "docker-dash-ha:9.9" })).operation)
      assert.deepStrictEqual([absent.outcome, absent.image], ["rejected", null])
      assert.include(absent.message ?? "", "no archive in /images")
      assert.strictEqual(yield* tagOf(client.deploy({ image: "no tag" })), "BadRequest")
      assert.strictEqual(yield* tagOf(client.deployment("op-999")), "UnknownOperation")
      assert.strictEqual(yield* tagOf(client.cancel("op-999")), "UnknownOperation")
      assert.strictEqual((yield* client.cancel(good.operation)).outcome, "succeeded", "what ended stays as it ended")
    }))

  it.scopedLive("tells what happened, and what happens", () =>
    Effect.gen(function*() {
      const { client, socket, until, world } = yield* served()
      yield* until(({ containers }) => containers.every(({ state }) => state === "Running"))
      const { events } = feed(socket)
      const past = Chunk.toReadonlyArray(yield* Stream.runCollect(events({ follow: false, container: ha })))
      assert.isTrue(past.length > 0 && past.every(({ container }) => container === ha))
      const following = yield* events({ follow: true }).pipe(
        Stream.takeUntil(({ reason }) => reason === "TargetVersion" && past.length > 0),
        Stream.runCollect,
        Effect.fork
      )
      const who = (operation: string) =>
        Effect.map(
          Stream.runCollect(events({ follow: false, operation })),
          (found) => Chunk.toReadonlyArray(found).map(({ actor, outcome }) => [actor?.replace(/^\S+/, "NAME"), outcome])
        )
      const { operation } = yield* client.deploy({ image: "docker-dash-ha:9.9" })
      yield* poll(client.deployment(operation), ({ outcome }) => outcome !== null)
      const claimed = `NAME (uid ${process.getuid?.()}), as claimed`
      assert.deepStrictEqual(yield* who(operation), [[claimed, "accepted"], [claimed, "refused"]])
      assert.lengthOf(
        yield* Stream.runCollect(events({ follow: false, since: "2999-01-01T00:00:00.000Z" })),
        0,
        "nothing has happened after now"
      )
      yield* world.setVersion(version("3.0"))
      const seen = Chunk.toReadonlyArray(yield* following)
      assert.strictEqual(seen.at(-1)?.reason, "TargetVersion")
      const unavailable = yield* until(({ targetVersion }) => targetVersion === "3.0")
      assert.isTrue(
        unavailable.containers.every(({ state }) => state === "Running"),
        "nothing stops before its image is there"
      )
    }))
})
