/** The daemon's program over an NPU in memory, for tests in virtual time. */
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import * as ControlServer from "../../../layers/control/server.ts"
import type { ControlSocketError } from "../../../layers/control/socket-path.ts"
import type { Engine } from "../../../layers/npu-sim/engine/engine.ts"
import * as EngineClock from "../../../layers/npu-sim/engine-clock.ts"
import * as MemoryWire from "../../../layers/npu-sim/wire.ts"
import { describedSource } from "../../../layers/npu-sim/wire-deploy.ts"
import type { UpgradeView } from "../../../src/control/upgrade-views.ts"
import { Decider } from "../../../src/daemon/decider.ts"
import { DpuIdentity, type VersionReading } from "../../../src/daemon/dpu-identity.ts"
import { EventLog, type EventQuery } from "../../../src/daemon/event-log.ts"
import * as Handlers from "../../../src/daemon/handlers.ts"
import * as Program from "../../../src/daemon/program.ts"
import { StateStore, StateStoreError } from "../../../src/daemon/state-store.ts"
import { upgradeView } from "../../../src/daemon/upgrade-view.ts"
import { find, statusView } from "../../../src/daemon/views.ts"
import { CrashLogs } from "../../../src/health/crash-logs.ts"
import { Prober, type ProbeResult } from "../../../src/health/prober.ts"
import { Assignment } from "../../../src/model/assignment.ts"
import { builtIn, resolve } from "../../../src/model/catalogue.ts"
import type { Event } from "../../../src/model/event.ts"
import { format, type ImageRef } from "../../../src/model/image.ts"
import { monotonic } from "../../../src/model/monotonic.ts"
import type { SonicVersion } from "../../../src/model/version.ts"
import {
  type ImageArchive,
  ImageNotFound,
  ImageSource,
  type ImageSourceService
} from "../../../src/npu/image-source.ts"
import type { StartContainerRequest } from "../../../src/npu/messages.ts"
import * as Npu from "../../../src/npu/npu.ts"
import { sameId } from "../../../src/npu/rows.ts"
import { Wire, type WireService } from "../../../src/npu/wire.ts"

export const specs = Either.getOrThrow(resolve(builtIn, 0))
export const names = specs.map((spec) => spec.name)

/** One mutating call as the NPU received it. */
export interface Call {
  readonly method: string
  readonly name: string
}

export interface World {
  readonly engine: Engine
  readonly connection: MemoryWire.Connection
  readonly calls: Array<Call>
  /** Lists of all containers that were answered: one for a look that leaves nothing open. */
  readonly answered: { lists: number }
  /** What the state file holds, and whether the disk takes more. */
  readonly disk: { text: string | undefined; fault: string | undefined; saves: number }
  readonly setVersion: (reading: VersionReading) => Effect.Effect<void>
  /** Runs the daemon until the scope closes or it is killed. */
  readonly boot: Effect.Effect<Daemon, StateStoreError, Scope.Scope>
}

export interface Daemon {
  readonly decider: Decider["Type"]
  readonly crashLogs: CrashLogs["Type"]
  readonly events: Effect.Effect<ReadonlyArray<Event>>
  readonly eventsOf: (query: EventQuery) => Effect.Effect<ReadonlyArray<Event>>
  readonly plan: Effect.Effect<UpgradeView>
  readonly kill: Effect.Effect<void>
  /** Serves its control API on a unix socket until the scope closes. */
  readonly serve: (path: string) => Effect.Effect<void, ControlSocketError, Scope.Scope>
  readonly state: (name: string) => Effect.Effect<string>
  readonly status: (name: string) => Effect.Effect<ReturnType<typeof statusView>>
}

export const version = (text: string): VersionReading => ({ _tag: "Version", version: text as SonicVersion })

export const archiveOf = (image: ImageRef): ImageArchive => {
  const digest = [...format(image)].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) >>> 0, 7)
  const configDigest = `sha256:${digest.toString(16).padStart(64, "0")}`
  return {
    path: `/images/${image.repository}-${image.tag}.tar`,
    image,
    names: [image],
    configDigest,
    architecture: "amd64",
    bytes: describedSource({
      images: [{ configDigest, repoTags: [format(image)], architecture: "amd64", labels: {} }],
      unpackedBytes: 1_000_000
    })
  }
}

const about = { version: "0.0.0", pid: 7, startedAt: "2026-01-01T00:00:00.000Z" }

/** `versions`: which the images folder holds of every service. */
export const makeWorld = (
  versions: ReadonlyArray<string>,
  wireOverride: Partial<WireService> = {},
  sourceOverride: Partial<ImageSourceService> = {}
): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function*() {
    const engine = yield* EngineClock.make({
      stopMillis: 300,
      architecture: "amd64",
      listensOn: (name) => specs.find((spec) => spec.name === name)?.probe?.port
    })
    const { connection, wire } = yield* MemoryWire.make(engine)
    const calls: Array<Call> = []
    const answered = { lists: 0 }
    const readings = yield* PubSub.unbounded<VersionReading>()
    let reading: VersionReading = version(versions[0] ?? "1")
    const disk: World["disk"] = { text: undefined, fault: undefined, saves: 0 }
    const ports = Context.empty().pipe(
      Context.add(Wire, recorded({ ...wire, ...wireOverride }, calls, answered)),
      Context.add(Prober, {
        probe: (target) => Effect.sync(() => probeResult(engine.probePort(target.port)))
      }),
      Context.add(Assignment, { dpu: 0, containers: specs, serviceHost: "127.0.0.1" }),
      Context.add(ImageSource, {
        find: (image) =>
          versions.includes(image.tag)
            ? Effect.succeed(archiveOf(image))
            : new ImageNotFound({ image, searched: "/images", held: versions }),
        open: () => Effect.die("no test opens a path"),
        architectureOf: () => Effect.succeed(undefined),
        keep: (images) => Effect.succeed(images.map((image) => ({ image, reason: undefined }))),
        sizesOf: (ids) =>
          Effect.sync(() => {
            const archives = specs.flatMap(({ repository }) => versions.map((tag) => archiveOf({ repository, tag })))
            return new Map(ids.flatMap((id): ReadonlyArray<readonly [string, number]> => {
              const archive = archives.find(({ configDigest }) => sameId(id, configDigest))
              return archive === undefined ? [] : [[id, archive.bytes.size]]
            }))
          }),
        ...sourceOverride
      }),
      Context.add(StateStore, {
        location: "memory",
        load: Effect.sync(() => disk.text),
        save: (text) =>
          Effect.suspend(() => {
            if (disk.fault !== undefined) return new StateStoreError({ reason: disk.fault })
            disk.text = text
            disk.saves += 1
            return Effect.void
          }),
        setAside: Effect.sync(() => {
          disk.text = undefined
          return "memory.unreadable"
        })
      }),
      Context.add(DpuIdentity, {
        dpu: 0,
        versions: Stream.unwrapScoped(Effect.map(PubSub.subscribe(readings), (queue) =>
          Stream.concat(Stream.succeed(reading), Stream.fromQueue(queue))))
      })
    )

    const boot = Effect.gen(function*() {
      const layer = Program.layer.pipe(
        Layer.provideMerge(Npu.layer),
        Layer.provideMerge(Layer.succeedContext(ports))
      )
      const context = yield* Layer.build(layer)
      const fiber = yield* Effect.forkScoped(Effect.provide(Program.run, context))
      const decider = Context.get(context, Decider)
      const status = (name: string) =>
        Effect.gen(function*() {
          const memory = yield* decider.memory
          return statusView(memory, "npu", find(memory, name)!, { mono: yield* monotonic, wall: 0 })
        })
      return {
        decider,
        events: pastOf(Context.get(context, EventLog), {}),
        eventsOf: (query: EventQuery) =>
          pastOf(Context.get(context, EventLog), query),
        plan: Effect.zipWith(decider.memory, monotonic, (memory, mono) =>
          upgradeView(memory, "npu", { mono, wall: 0 })),
        crashLogs: Context.get(context, CrashLogs),
        kill: Effect.asVoid(Fiber.interrupt(fiber)),
        serve: (path: string) =>
          Effect.asVoid(Layer.build(
            ControlServer.layer({ path }).pipe(
              Layer.provide(Handlers.layer),
              Layer.provide(Layer.succeedContext(Context.add(context, Handlers.About, about)))
            )
          )),
        status,
        state: (name: string) =>
          Effect.map(status(name), ({ container }) => container.state)
      }
    })

    return {
      engine,
      connection,
      calls,
      answered,
      disk,
      setVersion: (next) =>
        Effect.suspend(() => {
          reading = next
          return Effect.asVoid(PubSub.publish(readings, next))
        }),
      boot
    }
  })

/** What the daemon said so far. */
const pastOf = (log: EventLog["Type"], query: EventQuery): Effect.Effect<ReadonlyArray<Event>> =>
  Effect.orDie(Effect.map(Stream.runCollect(log.past(query)), Chunk.toReadonlyArray))

const probeResult = (mode: string): ProbeResult =>
  mode === "ok"
    ? { _tag: "Healthy" }
    : mode === "hang"
    ? { _tag: "Unknown", reason: "it did not answer" }
    : { _tag: "Unhealthy", reason: `the port answers: ${mode}` }

/** No call takes no time: what comes after another also begins later. */
const latency = "1 millis"

const recorded = (wire: WireService, calls: Array<Call>, answered: World["answered"]): WireService => ({
  ...wire,
  unary: (method, request, deadline) =>
    Effect.suspend(() => {
      const named = request as Partial<StartContainerRequest> & { readonly name?: string }
      if (method !== "Time") calls.push({ method, name: named.instanceName ?? named.name ?? "" })
      return Effect.delay(wire.unary(method, request, deadline), latency)
    }),
  collect: (method, request, deadline) =>
    Effect.tap(Effect.delay(wire.collect(method, request, deadline), latency), () =>
      Effect.sync(() => {
        if (method === "ListContainer") answered.lists += 1
      })),
  deploy: (call) =>
    Effect.suspend(() => {
      calls.push({ method: "Deploy", name: `${call.transfer.name}:${call.transfer.tag}` })
      return wire.deploy(call)
    })
})

/** Lets `millis` of virtual time pass in steps, so that chains of short waits run through. */
export const pass = (millis: number, step = 20): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let passed = 0; passed < millis; passed += step) {
      yield* TestClock.adjust(Math.min(step, millis - passed))
    }
  })

export const starts = (calls: ReadonlyArray<Call>, name?: string): ReadonlyArray<string> =>
  calls.filter((call) => call.method === "StartContainer" && (name === undefined || call.name === name)).map((call) =>
    call.name
  )
