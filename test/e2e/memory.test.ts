/** The built binaries against npu-sim in memory: what an operator sees and what the NPU receives. */
import { statSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { offloadctl, startDaemon, startNpuSim, until } from "../../bin/lab.ts"
import { allRunning, byName, calls, fault, makeSwitchAt, runForeign } from "./switch.ts"

const version = "20260101.1"

const ready = makeSwitchAt(version)

const starts = (lab: Parameters<typeof calls>[0], name?: string) =>
  calls(lab).filter(({ method, subject }) => method === "StartContainer" && (name === undefined || subject === name))

describe("offloadd, offloadctl and npu-sim as processes", () => {
  it.scopedLive("bring three services up, heal a crash, and touch nobody else's containers", () =>
    Effect.gen(function*() {
      const lab = yield* ready
      const npu = yield* startNpuSim(lab)
      const foreign = yield* runForeign(lab, npu.endpoint)
      yield* startDaemon(lab, npu.endpoint)
      yield* until(lab, "three running", allRunning)
      const victim = lab.containers[2]!.name
      yield* fault(lab, "crash", { container: victim })
      yield* until(lab, "restarted", (list) => allRunning(list) && byName(list, victim).restarts === 1)
      assert.strictEqual(starts(lab).length - foreign, 4)
      const listed = yield* offloadctl(lab, ["list", "-o", "json"])
      assert.strictEqual(listed.code, 0, listed.output)
      assert.strictEqual((JSON.parse(listed.output) as { apiVersion: string }).apiVersion, "offloader/v1")
    }))

  it.scopedLive("keep a service stopped across a restart of the daemon, until it is started", () =>
    Effect.gen(function*() {
      const lab = yield* ready
      const npu = yield* startNpuSim(lab)
      const [, gnmi] = lab.containers
      yield* Effect.scoped(Effect.gen(function*() {
        const daemon = yield* startDaemon(lab, npu.endpoint)
        yield* until(lab, "three running", allRunning)
        const stop = yield* offloadctl(lab, ["stop", "gnmi"])
        assert.strictEqual(stop.code, 0, stop.output)
        yield* daemon.signal("SIGTERM")
        assert.strictEqual(yield* daemon.exit, 0, daemon.output())
      }))
      yield* startDaemon(lab, npu.endpoint)
      const list = yield* until(
        lab,
        "seen",
        (seen) => seen.npu.reachable === true && byName(seen, gnmi!.name).state !== "Unknown"
      )
      assert.strictEqual(byName(list, gnmi!.name).desired, "stopped")
      assert.strictEqual(byName(list, gnmi!.name).state, "Stopped")
      assert.strictEqual(starts(lab, gnmi!.name).length, 1)
      const start = yield* offloadctl(lab, ["start", gnmi!.name])
      assert.strictEqual(start.code, 0, start.output)
      assert.strictEqual(starts(lab, gnmi!.name).length, 2)
    }))

  it.scopedLive("stay up without an NPU, say so, and catch up when it comes", () =>
    Effect.gen(function*() {
      const lab = yield* ready
      // An address that was free a moment ago: nobody listens there.
      const endpoint = yield* Effect.scoped(Effect.map(startNpuSim(lab), (npu) => npu.endpoint))
      yield* startDaemon(lab, endpoint)
      const away = yield* until(lab, "unreachable", (list) => list.npu.reachable === false)
      assert.isTrue(away.containers.every(({ restarts, state }) => state === "Unknown" && restarts === 0))
      const start = yield* offloadctl(lab, ["start", "gnmi", "--timeout", "1s"])
      assert.strictEqual(start.code, 5, start.output)
      const returned = yield* Effect.sync(() => performance.now())
      yield* startNpuSim(lab, [], { listen: endpoint })
      yield* until(lab, "three running", allRunning)
      console.log(`from the NPU's start to three running services: ${Math.round(performance.now() - returned)} ms`)
      yield* fault(lab, "go-away")
      yield* until(lab, "unreachable again", (list) => list.npu.reachable === false)
      yield* fault(lab, "come-back")
      const back = yield* until(lab, "running again", (list) => list.npu.reachable === true && allRunning(list))
      assert.isTrue(back.containers.every(({ restarts }) => restarts === 0))
      assert.strictEqual(starts(lab).length, 3)
    }))

  it.scopedLive("refuse a second daemon on the same socket and on the same state folder", () =>
    Effect.gen(function*() {
      const lab = yield* ready
      const npu = yield* startNpuSim(lab)
      yield* startDaemon(lab, npu.endpoint)
      yield* until(lab, "three running", allRunning)
      const sameFolder = yield* startDaemon({ ...lab, socket: join(lab.folder, "other.sock") }, npu.endpoint)
      assert.strictEqual(yield* sameFolder.exit, 1)
      assert.match(sameFolder.output(), /is in use by/)
      const sameSocket = yield* startDaemon({ ...lab, state: join(lab.folder, "other") }, npu.endpoint)
      assert.strictEqual(yield* sameSocket.exit, 1)
      assert.match(sameSocket.output(), /answers on/)
      yield* until(lab, "the first goes on", allRunning)
      assert.strictEqual(statSync(lab.socket).mode & 0o777, 0o660)
    }))

  it.scopedLive("keep a malformed memory aside and say so", () =>
    Effect.gen(function*() {
      const lab = yield* ready
      const npu = yield* startNpuSim(lab)
      yield* Effect.scoped(Effect.zipRight(startDaemon(lab, npu.endpoint), until(lab, "three running", allRunning)))
      writeFileSync(join(lab.state, "memory.json"), "{\"format\": 1, ")
      const daemon = yield* startDaemon(lab, npu.endpoint)
      yield* until(lab, "three running", allRunning)
      assert.match(daemon.output(), /makes no sense/)
      assert.strictEqual(starts(lab).length, 3, "what runs is taken over as it is")
    }))

  it.scopedLive.each(
    [
      ["--npu", "nowhere", /is not an address/],
      ["--npu", "host:99999", /is not an address/],
      ["--dpu", "dpu9", /is no DPU/],
      ["--colour", "red", /colour/],
      ["--catalogue", "/nowhere.json", /catalogue/],
      ["--policy", "/nowhere.json", /policy/],
      ["--socket", `/tmp/${"long".repeat(30)}.sock`, /at most 107/]
    ] as const
  )("offloadd answers %s %s with a sentence and exit 1 or 2", ([flag, value, sentence]) =>
    Effect.gen(function*() {
      const lab = yield* ready
      const daemon = yield* startDaemon(lab, "127.0.0.1:1", [flag, value])
      const code = yield* daemon.exit
      assert.isTrue(code === 1 || code === 2, daemon.output())
      assert.match(daemon.output(), sentence)
    }))
})
