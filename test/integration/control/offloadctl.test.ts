/** The built offloadctl as a process, against a control server on a real socket. */
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, openSync, symlinkSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

import { list } from "../../unit/cli/views.ts"
import { folder, serve } from "./fixture.ts"

const program = join(import.meta.dirname, "..", "..", "..", "dist", "offloadctl.cjs")

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

const offloadctl = (
  words: ReadonlyArray<string>,
  socket: string,
  onStart: (child: ChildProcess) => void = () => {},
  stdout: "pipe" | number = "pipe"
): Effect.Effect<Ended> =>
  Effect.async<Ended>((resume) => {
    const said = { out: "", err: "" }
    const child = spawn(process.execPath, [program, ...words], {
      env: { PATH: process.env["PATH"], OFFLOADER_SOCKET: socket },
      stdio: ["ignore", stdout, "pipe"]
    })
    child.stdout?.on("data", (piece) => (said.out += piece))
    child.stderr?.on("data", (piece) => (said.err += piece))
    child.once("close", (code) => resume(Effect.succeed({ code, ...said })))
    onStart(child)
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const socketIn = Effect.map(folder, (path) => join(path, "offloadd.sock"))

describe("the offloadctl process", () => {
  it.scopedLive("answers the quick way as the whole program does", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* serve(path)
      for (const words of [["list", "-o", "json"], ["status", "gnmi", "-o", "json"], ["status", "nope"]]) {
        const quick = yield* offloadctl(words, path)
        assert.deepStrictEqual(yield* offloadctl(["--socket", path, ...words], "/nowhere"), quick)
      }
      assert.deepStrictEqual(JSON.parse((yield* offloadctl(["list", "-o", "json"], path)).out), list())
      const absent = yield* offloadctl(["list"], `${path}.absent`)
      assert.strictEqual(absent.code, 4)
      assert.deepStrictEqual(yield* offloadctl(["--socket", `${path}.absent`, "list"], "/nowhere"), absent)
    }))

  it.scopedLive("says in one sentence why an archive cannot be found", () =>
    Effect.gen(function*() {
      const path = yield* folder
      symlinkSync("loop", join(path, "loop"))
      for (
        const [image, sentence] of [
          [join(path, "none.tar"), /^offloadctl: there is no file .*none\.tar\n$/],
          [join(program, "x"), /^offloadctl: looking at .* failed: a part of the path is a file, not a folder\n$/],
          [join(path, "loop"), /^offloadctl: looking at .* failed: its symbolic links go round in a circle\n$/],
          [`/${"x".repeat(5000)}`, /^offloadctl: looking at .* failed: the name is too long\n$/]
        ] as const
      ) {
        const { code, err, out } = yield* offloadctl(["deploy", image], "/nowhere")
        assert.deepStrictEqual([code, out], [2, ""])
        assert.match(err, sentence)
      }
    }))

  it.live("runs no simulation of a scenario or a kill that is not known", () =>
    Effect.gen(function*() {
      for (
        const [words, sentence] of [
          [["--scenario", "foo"], /^offloadctl: --scenario is one of: good, .*\n$/],
          [["--scenario", "good", "--kill", "3:foo"], /^offloadctl: --kill is the number of a write, .*\n$/],
          [["--scenario", "good", "--kill", "0:before"], /^offloadctl: --kill is the number of a write, .*\n$/]
        ] as const
      ) {
        const { code, err, out } = yield* offloadctl(["simulate", ...words], "/nowhere")
        assert.deepStrictEqual([code, out], [2, ""])
        assert.match(err, sentence)
      }
    }))

  it.scopedLive("prints the contract, and its help", () =>
    Effect.gen(function*() {
      const document = JSON.parse((yield* offloadctl(["openapi"], "/nowhere")).out)
      assert.includeMembers(Object.keys(document.paths), [
        "/v1/containers",
        "/v1/events",
        "/v1/deployments/{operation}"
      ])
      const responses = Object.keys(document.paths["/v1/containers/{container}/start"].post.responses)
      assert.includeMembers(responses, ["202", "400", "404", "413", "503"])
      const help = (yield* offloadctl(["--help"], "/nowhere")).out
      assert.match(help, /EXIT CODES[^]*3 {2}degraded: "status", "list --check" and "plan" found/)
    }))

  it.scopedLive("follows events until the daemon goes away, then exits 4", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const scope = yield* Scope.make()
      const seen = yield* Scope.extend(serve(path), scope)
      const follower = yield* Effect.fork(offloadctl(["events", "--follow", "-o", "json"], path))
      yield* Deferred.await(seen.following)
      yield* Scope.close(scope, Exit.void)
      const { code, err, out } = yield* Fiber.join(follower)
      assert.strictEqual(code, 4)
      assert.include(err, "offloadd went away")
      assert.deepStrictEqual(out.trimEnd().split("\n").map((line) => JSON.parse(line).sequence), [1, 2])
    }))

  it.scopedLive("ends by Ctrl-C with 130", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const seen = yield* serve(path)
      const started = yield* Deferred.make<ChildProcess>()
      const follower = yield* Effect.fork(
        offloadctl(["events", "--follow"], path, (child) => Deferred.unsafeDone(started, Effect.succeed(child)))
      )
      yield* Deferred.await(seen.following)
      ;(yield* Deferred.await(started)).kill("SIGINT")
      assert.strictEqual((yield* Fiber.join(follower)).code, 130)
    }))

  it.scopedLive("exits 1 and says why where its output cannot be written", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* serve(path)
      const full = yield* Effect.acquireRelease(
        Effect.sync(() => openSync("/dev/full", "w")),
        (descriptor) => Effect.sync(() => closeSync(descriptor))
      )
      for (
        const words of [
          ["list"],
          ["status", "gnmi", "-o", "json"],
          ["events"],
          ["list", "--socket", path],
          ["openapi"],
          ["--help"]
        ]
      ) {
        const { code, err } = yield* offloadctl(words, path, () => {}, full)
        assert.deepStrictEqual(
          [code, err],
          [1, "offloadctl: writing the output failed: the disk is full\n"],
          words.join(" ")
        )
      }
    }))

  it.scopedLive("ends quietly where its reader has gone", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* serve(path)
      for (const words of [["list"], ["list", "--socket", path], ["openapi"], ["--help"]]) {
        const { code, err } = yield* offloadctl(words, path, (child) => child.stdout?.destroy())
        assert.deepStrictEqual([code, err], [0, ""], words.join(" "))
      }
    }))
})
