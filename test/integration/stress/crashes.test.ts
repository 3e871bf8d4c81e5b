/** The daemon's program, the gRPC client, npu-sim's server and real probes in one process, while services crash. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"

import * as Gnoi from "../../../layers/gnoi/wire.ts"
import * as Probe from "../../../layers/probe/prober.ts"
import * as MemoryFile from "../../../layers/state/memory-file.ts"
import { Decider } from "../../../src/daemon/decider.ts"
import { DpuIdentity } from "../../../src/daemon/dpu-identity.ts"
import * as Program from "../../../src/daemon/program.ts"
import { recordOf, watchedOf } from "../../../src/decide/memory.ts"
import { Assignment } from "../../../src/model/assignment.ts"
import { resolve } from "../../../src/model/catalogue.ts"
import type { SonicVersion } from "../../../src/model/version.ts"
import { ImageNotFound, ImageSource } from "../../../src/npu/image-source.ts"
import * as Npu from "../../../src/npu/npu.ts"
import { ActivePolicy, checked, defaults } from "../../../src/policy/policy.ts"
import { catalogueOf, folder, load, world } from "../npu-sim/world.ts"

const crashes = 200
const version = "1" as SonicVersion

/** From a crash to the next start a few looks; the ladder's first steps and its top are all climbed. */
const policy = Either.getOrThrow(checked({
  ...defaults,
  monitoring: { period: 200 },
  restart: { base: 20, factor: 2, cap: 160, jitter: 0.2, payback: 12_000 }
}))

/** Nothing is sent: the image is on the NPU from the beginning. */
const noImages = Layer.succeed(ImageSource, {
  find: (image) => new ImageNotFound({ image, searched: "nowhere", held: [] }),
  open: (path) => Effect.dieMessage(`nobody opens ${path}`),
  architectureOf: () => Effect.succeed(undefined),
  keep: (images) => Effect.succeed(images.map((image) => ({ image, reason: undefined }))),
  sizesOf: () => Effect.succeed(new Map())
})

const boot = (port: number, containers: Assignment["Type"]["containers"]) =>
  Effect.gen(function*() {
    const ports = Layer.mergeAll(
      Npu.layer.pipe(Layer.provide(Gnoi.layer({ host: "127.0.0.1", port }))),
      Probe.layer,
      noImages,
      MemoryFile.layerFile({ directory: yield* folder }),
      Layer.succeed(Assignment, { dpu: 0, containers, serviceHost: "127.0.0.1" }),
      Layer.succeed(DpuIdentity, {
        dpu: 0,
        versions: Stream.concat(Stream.succeed({ _tag: "Version" as const, version }), Stream.never)
      })
    )
    const context = yield* Layer.build(Program.layer.pipe(Layer.provideMerge(ports)))
    yield* Effect.forkScoped(Effect.provide(Program.run, context))
    return Context.get(context, Decider)
  })

/** Asks again until it holds. */
const until = (holds: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.flatMap(holds, (held) => held ? Effect.void : Effect.delay(until(holds), 20))

describe("stress", () => {
  it.scopedLive(
    `${crashes} crashes at random moments are all recovered from, and counted alike on both sides`,
    () =>
      Effect.gen(function*() {
        const npu = yield* world()
        yield* load(npu.client, "", `service:${version}`)
        const containers = Either.getOrThrow(resolve(catalogueOf([npu.ports.redis, npu.ports.tcp, npu.ports.grpc]), 0))
        const decider = yield* boot(npu.server.listener.port, containers)
        const runs = (name: string) =>
          npu.engine.inspect().containers.some((each) => each.name === name && each.state === "running")
        /** Nothing is owed, and what the daemon saw last is so. */
        const atRest = Effect.map(
          decider.memory,
          (memory) =>
            containers.every(({ name }) =>
              runs(name) && recordOf(memory, name).due === null && watchedOf(memory, name).sighting._tag === "Running"
            )
        )
        yield* until(atRest)

        const suffered = new Map<string, number>()
        for (let count = 0; count < crashes;) {
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 200))
          const { name } = yield* Random.choice(containers)
          // One that is not up again yet has nothing to crash.
          if (Either.isLeft(npu.engine.crash(name))) continue
          suffered.set(name, (suffered.get(name) ?? 0) + 1)
          count += 1
        }
        yield* until(atRest)

        const memory = yield* decider.memory
        const started = npu.journal().filter(({ answered, method }) =>
          method === "StartContainer" && answered?.status === "OK"
        )
        for (const { name } of containers) {
          const restarts = started.filter(({ subject }) => subject === name).length - 1
          assert.strictEqual(restarts, suffered.get(name), `${name}: starts after the first, and crashes`)
          assert.strictEqual(recordOf(memory, name).restarts, restarts, `${name}: restarts as counted by the daemon`)
        }
      }).pipe(
        Effect.provideService(ActivePolicy, policy),
        Effect.withRandom(Random.make("stress")),
        Logger.withMinimumLogLevel(LogLevel.None)
      ),
    90_000
  )
})
