/** The daemon's program against a server of SONiC's, over sockets: it watches, says what is missing, and touches nothing. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

import { exchange } from "../../../layers/control/client.ts"
import * as Gnoi from "../../../layers/gnoi/wire.ts"
import type { Engine } from "../../../layers/npu-sim/engine/engine.ts"
import * as EngineClock from "../../../layers/npu-sim/engine-clock.ts"
import * as MemoryBackend from "../../../layers/npu-sim/memory-backend.ts"
import { serve } from "../../../layers/npu-sim/server/serve.ts"
import { make } from "../../../src/cli/control-client.ts"
import { NpuStatus } from "../../../src/control/npu-status.ts"
import { makeWorld, specs } from "../../unit/daemon/world.ts"

const gnmi = specs.find((spec) => spec.service === "gnmi")!

/** What the NPU's own means have running, and answering on its port. */
const runs = (engine: Engine): void => {
  const transfer = Either.getOrThrow(engine.beginDeploy({ name: gnmi.repository, tag: "1.0", imageSize: "0" }))
  engine.finishDeploy(transfer, {
    images: [{ configDigest: `sha256:${"ab".repeat(32)}`, repoTags: [], architecture: "amd64", labels: {} }],
    unpackedBytes: 1
  })
  engine.unary("StartContainer", { imageName: gnmi.repository, tag: "1.0", instanceName: gnmi.name })
}

const poll = <A, E>(ask: Effect.Effect<A, E>, holds: (answer: A) => boolean): Effect.Effect<A, E> =>
  Effect.flatMap(ask, (answer) => holds(answer) ? Effect.succeed(answer) : Effect.delay(poll(ask, holds), "20 millis"))

describe("the daemon against a server of SONiC's", () => {
  it.scopedLive("knows services by their probes, says what is missing, and calls nothing that is not there", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "sonic-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true }))
      )
      const engine = yield* EngineClock.make({})
      const { gate, listener } = yield* serve({
        host: "127.0.0.1",
        port: 0,
        backend: MemoryBackend.make(engine),
        dialect: "sonic"
      })
      const world = yield* makeWorld(["1.0"], yield* Gnoi.make({ host: "127.0.0.1", port: listener.port }))
      runs(world.engine)
      const daemon = yield* world.boot
      const socket = join(folder, "s")
      yield* daemon.serve(socket)
      const client = make(exchange(socket))

      const list = yield* poll(
        client.list,
        ({ containers }) =>
          containers.every((container) => container.healthy === (container.name === gnmi.name ? "True" : "False"))
      )
      assert.deepStrictEqual(list.containers.map(({ state }) => state), ["Unknown", "Unknown", "Unknown"])
      assert.isTrue(list.npu.reachable)
      const capable = list.conditions.find(({ type }) => type === "Capable")
      assert.deepStrictEqual([capable?.status, capable?.reason], ["False", "MissingCapability"])

      const npu = yield* Schema.decodeUnknown(NpuStatus)(yield* client.npu)
      assert.deepStrictEqual(npu.speech?.dialect, "sonic")
      assert.includeMembers([...npu.speech?.missing ?? []], ["list", "start", "stop", "remove", "deploy"])
      assert.isNotNull(npu.lastLook)

      yield* client.stop("gnmi")
      const status = yield* poll(client.status("gnmi"), ({ intent }) => intent.desired === "stopped")
      assert.isFalse(status.intent.fulfilled)
      assert.match(status.activity, /cannot (?:stop|list) containers/)
      const looks = gate.counts.get("Time") ?? 0
      yield* poll(Effect.sync(() => gate.counts.get("Time") ?? 0), (count) => count >= looks + 2)
      assert.deepStrictEqual([...new Set(world.calls.map(({ method }) => method))], [])
      const said = yield* daemon.events
      assert.strictEqual(said.filter(({ reason }) => reason === "MissingCapabilities").length, 1)
      assert.deepStrictEqual(engine.inspect().containers, [])
    }))
})
