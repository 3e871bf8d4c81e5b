/** A deploy that is interrupted, or takes too long, on its way from offloadctl over a slow link to an NPU. */
import { randomBytes } from "node:crypto"
import { connect } from "node:net"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { offloadctl, startDaemon, startNpuSim, until } from "../../bin/lab.ts"
import { packTo } from "../../layers/images/pack.ts"
import { start } from "../../layers/lab/process.ts"
import { listen } from "../integration/gnoi/support.ts"
import { allRunning, calls, makeSwitchAt } from "./switch.ts"

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
      assert.deepStrictEqual([...new Set(ends)], ["CANCELLED"])
    }), 60_000)
})
