/** Deploys by the built binaries: one that is interrupted or takes too long, and one that the NPU says it has taken. */
import { randomBytes } from "node:crypto"
import { connect } from "node:net"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { offloadctl, startDaemon, startNpuSim, until } from "../../bin/lab.ts"
import { packTo } from "../../layers/images/pack.ts"
import { start } from "../../layers/lab/process.ts"
import type { Event } from "../../src/model/event.ts"
import { listen } from "../integration/gnoi/support.ts"
import { allRunning, calls, fault, makeRunningSwitch, makeSwitchAt } from "./switch.ts"

/** Between two pieces of 64 KiB at the most on their way to the NPU, milliseconds: a megabyte in a second. */
const pause = 60

/** A link to a port that is slow to it, and not from it. */
const slowLinkTo = (port: number) =>
  listen((socket) => {
    const far = connect(port, "127.0.0.1")
    far.on("error", () => {})
    far.on("close", () => socket.destroy())
    socket.on("close", () => far.destroy())
    socket.on("data", (piece) => {
      far.write(piece)
      socket.pause()
      setTimeout(() => socket.resume(), pause)
    })
    far.pipe(socket)
  })

describe("a deploy over a slow link", () => {
  it.scopedLive("ends with Ctrl-C and with --timeout, and leaves nothing on the NPU", () =>
    Effect.gen(function*() {
      const lab = yield* makeSwitchAt("20260101.1")
      const npu = yield* startNpuSim(lab)
      const link = yield* slowLinkTo(Number(npu.endpoint.split(":").at(-1)))
      yield* startDaemon(lab, `127.0.0.1:${link.port}`)
      yield* until(lab, "three running", allRunning)
      const path = join(lab.folder, "large.tar")
      yield* packTo(path, { names: ["large:1"], files: { "/large": randomBytes(16 * 2 ** 20) }, cmd: ["/large"] })

      const late = yield* offloadctl(lab, ["deploy", path, "--timeout", "2"])
      assert.include(late.output, "the deploy was not over after 2 s: it was cancelled")
      assert.strictEqual(late.code, 6)

      const interrupted = yield* start(process.execPath, [
        join(lab.dist, "offloadctl.cjs"),
        "--socket",
        lab.socket,
        "deploy",
        path
      ])
      yield* interrupted.line(/large:1: sending/)
      yield* interrupted.signal("SIGINT")
      assert.strictEqual(yield* interrupted.exit, 130)
      assert.include(interrupted.output(), "the deploy was interrupted: it was cancelled; the NPU does not hold it")

      const { output } = yield* offloadctl(lab, ["events"])
      assert.strictEqual(output.match(/DeployCancelled/g)?.length, 2)
      assert.notMatch(output, /large:1 is on the NPU/)
      const ends = calls(lab).filter(({ subject }) => subject === "large:1").map(({ answered }) => answered?.status)
      assert.isNotEmpty(ends)
      // The server may see the end of what is sent before it hears that the call was cancelled.
      assert.isTrue(ends.every((status) => status === "CANCELLED" || status === "UNKNOWN"), String(ends))
    }), 60_000)
})

describe("a deploy over another image of that name", () => {
  it.scopedLive("has failed where the NPU says success and holds the old one still", () =>
    Effect.gen(function*() {
      const { lab } = yield* makeRunningSwitch("20260101.1")
      const archive = (text: string) => {
        const path = join(lab.folder, `${text}.tar`)
        return Effect.as(packTo(path, { names: ["foo/new:1"], files: { "/new": text }, cmd: ["/new"] }), path)
      }
      assert.strictEqual((yield* offloadctl(lab, ["deploy", yield* archive("old")])).code, 0)
      const path = yield* archive("new")
      yield* fault(lab, "lose-deploys", { count: 1 })
      const lost = yield* offloadctl(lab, ["deploy", path])
      assert.match(lost.output, /the deploy failed: .*foo\/new:1 is there, but it is another image/)
      assert.strictEqual(lost.code, 1)
      const events = (yield* offloadctl(lab, ["events", "-o", "json"])).output.trim().split("\n")
      const last = JSON.parse(events.at(-1)!) as Event
      assert.deepStrictEqual([last.reason, last.outcome, last.after], ["DeployFailed", "failed", undefined])
      assert.strictEqual((yield* offloadctl(lab, ["deploy", path])).code, 0)
    }), 60_000)
})
