/** The program itself: what it prints, how it ends, what it says to a command line that makes no sense. */
import { spawnSync } from "node:child_process"
import { closeSync, existsSync, openSync } from "node:fs"
import { join, resolve } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { start } from "../../../layers/lab/process.ts"
import { state } from "../../../layers/npu-sim/admin/client.ts"
import { read } from "../../../layers/npu-sim/journal.ts"
import { connected, folder, load, service } from "./world.ts"

const program = resolve(import.meta.dirname, "../../../bin/npu-sim.ts")
const args = (...more: ReadonlyArray<string>) => ["--import", "tsx", program, ...more]
const env = { PATH: process.env["PATH"] ?? "" }
const run = (...more: ReadonlyArray<string>) => spawnSync(process.execPath, args(...more), { env, encoding: "utf8" })

describe("npu-sim", () => {
  it.scopedLive("says where it listens, serves, keeps a journal, and ends with 0 on SIGTERM", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const admin = join(path, "admin.sock")
      const journal = join(path, "journal")
      const child = yield* start(
        process.execPath,
        args(
          "--listen",
          "127.0.0.1:0",
          "--admin",
          admin,
          "--journal",
          journal,
          "--disk",
          "1GiB",
          "--chunk-size",
          "64K"
        ),
        { env }
      )
      const [line = "", port = ""] = yield* child.line(/^listening on 127\.0\.0\.1:([0-9]+)$/)
      assert.strictEqual(child.output().trim(), line)
      const client = yield* connected(Number(port))
      const answer = yield* load(client)
      assert.strictEqual(answer.messages[0]?.imageTransferReady?.chunkSize, 65_536)
      yield* Effect.promise(() => client.unary("StartContainer", service("a")))
      assert.strictEqual((yield* Effect.promise(() => state(admin))).engine?.disk.capacity, 2 ** 30)

      const crash = run("admin", "--admin", admin, "crash", "a", "7")
      assert.strictEqual(crash.status, 0, crash.stderr)
      assert.strictEqual((yield* Effect.promise(() => state(admin))).engine?.containers[0]?.exitCode, 7)
      const nobody = run("admin", "--admin", admin, "crash", "nobody")
      assert.strictEqual(nobody.status, 1)
      assert.strictEqual(nobody.stderr, "npu-sim: there is no container nobody\n")

      yield* child.signal("SIGTERM")
      assert.strictEqual(yield* child.exit, 0)
      assert.isFalse(existsSync(admin))
      assert.deepStrictEqual(read(journal).map((call) => call.method), ["Deploy", "StartContainer"])
    }))

  const nonsense: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
    [["--listen", "nowhere"], /"nowhere" is not HOST:PORT/],
    [["--dialect", "esperanto"], /^--dialect: "esperanto" is not one of modern, inband, sonic\n/],
    [["--engine", "foo"], /^--engine: "foo" is not one of memory, docker\n/],
    [["--close-idle=-1"], /^--close-idle: "-1" is no number of seconds, above 0/],
    [["--fast"], /there is no option --fast/],
    [["--catalogue", "/nonexistent.json"], /--catalogue: .*no such file/]
  ]
  for (const [words, sentence] of nonsense) {
    it(`exits with 2 and a sentence on ${words.join(" ")}`, () => {
      const done = run(...words)
      assert.match(done.stderr + done.stdout, sentence)
      assert.strictEqual(done.status, 2)
    })
  }

  it("colours its help for nobody but a terminal", () => {
    const { status, stderr, stdout } = run("--help")
    assert.deepStrictEqual([status, stderr], [0, ""])
    assert.match(stdout, /--engine/)
    assert.notInclude(stdout, "\u001B")
  })

  it("exits with 1 and a sentence where its help cannot be written", () => {
    const full = openSync("/dev/full", "w")
    const { status, stderr } = spawnSync(process.execPath, args("--help"), {
      env,
      encoding: "utf8",
      stdio: ["ignore", full, "pipe"]
    })
    closeSync(full)
    assert.deepStrictEqual([status, stderr], [1, "npu-sim: writing the output failed: the disk is full\n"])
  })

  it.scopedLive("exits with 1 where the port is taken", () =>
    Effect.gen(function*() {
      const child = yield* start(process.execPath, args("--listen", "127.0.0.1:0"), { env })
      const [, port = ""] = yield* child.line(/^listening on 127\.0\.0\.1:([0-9]+)$/)
      const second = run("--listen", `127.0.0.1:${port}`)
      assert.strictEqual(second.status, 1)
      assert.strictEqual(second.stderr, `npu-sim: port ${port} of 127.0.0.1 is in use\n`)
    }))
})
