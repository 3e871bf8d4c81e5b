/** The doctor asks a hostile NPU itself: it ends, finds something for each check, and prints nothing that steers a terminal. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import type * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { examine } from "../../bin/offloadctl-doctor.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import { commandLine } from "../unit/cli/console.ts"
import { campaign, soon } from "./campaign.ts"
import * as Garbage from "./garbage.ts"
import { isHarmless } from "./harmless.ts"
import { type Asked, overHttp2, serve } from "./hostile-server.ts"
import { speak } from "./http2-peer.ts"

/** What it asks for once it was let in: the dialect is looked for until it is known. */
const methods = ["Time", "ListContainer", "ListContainer", "ListImage", "Log"]

/** Lets nobody in, and says why in its own words, which the doctor shows. */
const refusing = (asked: () => Asked) => (socket: net.Socket): void =>
  speak(socket, true, (call) => {
    const { chance } = asked()
    call.headers([
      [":status", "200"],
      ["content-type", "application/grpc"],
      ["grpc-status", chance.pick(["7", "16"])],
      ["grpc-message", Garbage.headerText(Garbage.text(chance))]
    ], true)
  })

const once = Effect.fnUntraced(function*(chance: Chance) {
  let answered = 0
  const port = yield* serve(chance.hits(0.5) ? refusing : overHttp2, () => {
    const own = chance.fork(answered++)
    return { chance: own, method: answered <= 4 ? "Time" : own.pick(methods) }
  })
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "fuzz-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true }))
  )
  const at = (name: string) => join(folder, name)
  writeFileSync(at("version.yml"), "build_version: '1.0'\n")
  const options = [
    ...["--npu", `127.0.0.1:${port}`, "--dpu", "dpu0", "--version-file", at("version.yml"), "--images-dir", folder],
    ...["--state-dir", at("state"), "--socket", at("socket")]
  ]
  for (const line of [["doctor"], ["doctor", "-o", "json"]]) {
    const { code, err, out } = yield* soon(commandLine(line, { examine: () => examine(options) }), line.join(" "))
    assert.deepStrictEqual([code, err], [1, ""], "no archive is there, and nothing else stops it")
    assert.include(out, "control socket")
    isHarmless(line, out)
    assert.isAtMost(out.length, 2 ** 16)
  }
})

describe("the doctor", () => {
  campaign({
    target: "on a hostile NPU",
    file: "test/fuzz/doctor.test.ts",
    share: 0.001,
    batch: 1,
    // Each waits some seconds for what does not answer.
    lanes: 20,
    run: once
  })
})
