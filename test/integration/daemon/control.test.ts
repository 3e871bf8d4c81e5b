/** The daemon's own handlers behind a real socket, over an NPU in memory. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import { exchange } from "../../../layers/control/client.ts"
import { feed } from "../../../layers/control/feed.ts"
import * as MemoryWire from "../../../layers/npu-sim/wire.ts"
import { make } from "../../../src/cli/control-client.ts"
import { askTimeout } from "../../../src/control/answer-time.ts"
import type { ContainerList, DeployStatus } from "../../../src/control/views.ts"
import type { ImageSourceService } from "../../../src/npu/image-source.ts"
import { WireError, type WireService } from "../../../src/npu/wire.ts"
import { archiveOf, makeWorld, names, pass, version } from "../../unit/daemon/world.ts"

const [database, gnmi, ha] = names as [string, string, string]

/** Asks again until the answer holds. */
const poll = <A, E>(ask: Effect.Effect<A, E>, holds: (answer: A) => boolean): Effect.Effect<A, E> =>
  Effect.flatMap(ask, (answer) => holds(answer) ? Effect.succeed(answer) : Effect.delay(poll(ask, holds), "20 millis"))

const served = (
  versions: ReadonlyArray<string> = ["1.0"],
  wire: Partial<WireService> = {},
  source: Partial<ImageSourceService> = {}
) =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "daemon-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true }))
    )
    const world = yield* makeWorld(versions, wire, source)
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
      assert.strictEqual(yield* tagOf(client.stop("x".repeat(2000))), "UnknownContainer")
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

  /** Version 2.0 has bytes that come to a halt, and 3.0 is read for ever. */
  const halting: Partial<ImageSourceService> = {
    find: (image) => {
      const archive = archiveOf(image)
      if (image.tag === "3.0") return Effect.never
      if (image.tag === "1.0") return Effect.succeed(archive)
      let pieces = 0
      const read = () => pieces++ === 0 ? Promise.resolve(new Uint8Array(1000)) : new Promise<undefined>(() => {})
      return Effect.succeed({ ...archive, bytes: { size: 10_000, open: Effect.succeed({ read }) } })
    }
  }

  it.scopedLive("cancels an operator's transfer wherever it is, and leaves nothing of it", () =>
    Effect.gen(function*() {
      const { client, daemon, until, world } = yield* served(["1.0"], {}, halting)
      yield* until(({ containers }) => containers.every(({ state }) => state === "Running"))
      const held = world.engine.inspect().images.length
      const cancelled = (image: string, at: (status: DeployStatus) => boolean) =>
        Effect.gen(function*() {
          const { operation } = yield* client.deploy({ image })
          yield* poll(client.deployment(operation), at)
          yield* client.cancel(operation)
          const { message, outcome } = yield* poll(client.deployment(operation), (status) => status.outcome !== null)
          const [end] = (yield* daemon.eventsOf({ operation })).slice(-1)
          return [outcome, message, end?.reason, end?.outcome]
        })
      assert.deepStrictEqual(
        yield* cancelled("docker-dash-ha:3.0", ({ phase }) => phase === "checking"),
        ["cancelled", "it was cancelled before anything was sent", "DeployCancelled", "cancelled"]
      )
      assert.deepStrictEqual(
        yield* cancelled("docker-dash-ha:2.0", ({ phase, sentBytes }) => phase === "sending" && sentBytes > 0),
        ["cancelled", "it was cancelled; the NPU does not hold it", "DeployCancelled", "cancelled"]
      )
      const { images, transfers } = world.engine.inspect()
      assert.deepStrictEqual([images.length, transfers], [held, 0])
    }))

  it.scopedLive("cancels no transfer of the offloader's own", () =>
    Effect.gen(function*() {
      const { client, daemon, until, world } = yield* served(["1.0"], {}, halting)
      yield* until(({ containers }) => containers.every(({ state }) => state === "Running"))
      yield* world.setVersion(version("2.0"))
      const { images } = yield* poll(daemon.decider.memory, (memory) => memory.images.transfer !== undefined)
      const { operation = "" } = images.transfer ?? {}
      yield* poll(client.deployment(operation), ({ sentBytes }) => sentBytes > 0)
      const refusal = yield* Effect.flip(client.cancel(operation))
      assert.strictEqual(refusal._tag, "Declined")
      assert.include(refusal.message, `${operation} is the offloader's own`)
      const said = yield* daemon.eventsOf({ operation })
      assert.deepStrictEqual([said.at(-1)?.reason, said.at(-1)?.outcome], ["CancelRequested", "refused"])
      assert.strictEqual((yield* client.deployment(operation)).phase, "sending")
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

  it.scoped("names the NPU where that hangs, before the client takes the daemon for stuck", () =>
    Effect.gen(function*() {
      const asked = yield* Queue.unbounded<string>()
      const hang = (method: string) => Effect.zipRight(Queue.offer(asked, method), Effect.never)
      let hangs = false
      const { engine } = yield* makeWorld(["1.0"])
      const { wire } = yield* MemoryWire.make(engine)
      const { client, socket } = yield* served(["1.0"], {
        collect: (method, request, deadline) =>
          Effect.suspend(() => hangs ? hang(method) : wire.collect(method, request, deadline)),
        stream: (method, request) => hangs ? Stream.fromEffect(hang(method)) : wire.stream(method, request)
      })
      yield* pass(2000)
      hangs = true
      const answered = <A, E extends { readonly message: string }>(
        method: string,
        answer: Effect.Effect<A, E>
      ) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Effect.flip(answer))
          const passed = Effect.zipRight(pass(1), Queue.takeAll(asked))
          yield* Effect.repeat(passed, { until: (seen) => Chunk.contains(seen, method) })
          yield* TestClock.adjust(askTimeout)
          return (yield* Fiber.join(fiber)).message
        })
      assert.match(yield* answered("ListImage", client.images), /did not answer ListImage in time/)
      const said = Stream.runDrain(feed(socket).output({ container: "gnmi", follow: false, previous: false }))
      assert.match(yield* answered("Log", said), /did not answer Log in time/)
    }))

  it.scopedLive("breaks output off where the NPU does, and says so", () =>
    Effect.gen(function*() {
      const { engine } = yield* makeWorld(["1.0"])
      const { wire } = yield* MemoryWire.make(engine)
      let end: Pick<WireError, "code" | "origin"> = { code: "UNAVAILABLE", origin: "local" }
      const { socket, until } = yield* served(["1.0"], {
        stream: (method, request) =>
          method === "Log"
            ? Stream.concat(
              Stream.make({ msg: "ready\n" }),
              Stream.failSync(() => new WireError({ method, details: "it was cut", ...end }))
            )
            : wire.stream(method, request)
      })
      yield* until(({ containers }) => containers.every(({ state }) => state === "Running"))
      const followed = Effect.gen(function*() {
        const lines: Array<string> = []
        const output = feed(socket).output({ container: "gnmi", follow: true, previous: false })
        const failed = yield* Effect.flip(Stream.runForEach(output, (line) => Effect.sync(() => lines.push(line))))
        assert.include(failed.message, "it was cut")
        return [...lines, failed._tag]
      })
      assert.deepStrictEqual(yield* followed, ["ready", "NpuUnreachable"])
      end = { code: "CANCELLED", origin: "local" }
      assert.deepStrictEqual(yield* followed, ["ready", "NpuUnreachable"])
      end = { code: "INTERNAL", origin: "peer" }
      assert.deepStrictEqual(yield* followed, ["ready", "NoLog"])
    }))

  it.scopedLive("asks nothing of an NPU that is known to be away", () =>
    Effect.gen(function*() {
      const { client, until, world } = yield* served()
      yield* until(({ npu }) => npu.reachable === true)
      world.connection.disconnect("the line is cut")
      const { npu: { since } } = yield* until(({ npu }) => npu.reachable === false)
      const failed = yield* Effect.flip(client.images)
      assert.strictEqual(failed._tag, "NpuUnreachable")
      assert.match(failed.message, new RegExp(`the line is cut.*; it is away since ${since}$`))
    }))
})
