/** Bad input to the built binaries gets a sentence and the documented exit code, and loses nothing. */
import { execFileSync, spawnSync } from "node:child_process"
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { request } from "node:http"
import { join } from "node:path"
import { buffer } from "node:stream/consumers"
import { gzipSync } from "node:zlib"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { pack } from "tar-stream"

import {
  control,
  type Lab,
  offloadctl,
  packImages,
  setVersion,
  startDaemon,
  startNpuSim,
  until,
  Waited
} from "../../bin/lab.ts"
import { skip } from "../needs.ts"
import { allRunning, byName, calls, fault, makeRunningSwitch, makeSwitch } from "./switch.ts"

const version = "20260101.1"

const dist = join(import.meta.dirname, "..", "..", "dist")

const running = makeRunningSwitch(version)

const tar = (members: Readonly<Record<string, string>>) =>
  Effect.promise(() => {
    const archive = pack()
    for (const [name, text] of Object.entries(members)) archive.entry({ name }, text)
    archive.finalize()
    return buffer(archive)
  })

const image = (name: string) => ({ Config: "config.json", RepoTags: [name], Layers: [] })

/** Runs these command lines, one at a time as transfers go; each must exit so and say so on standard error. */
const refuses = (lab: Lab, lines: ReadonlyArray<readonly [line: ReadonlyArray<string>, code: number, says: RegExp]>) =>
  Effect.forEach(lines, ([line, code, says]) =>
    Effect.map(offloadctl(lab, line), (result) => {
      assert.match(result.output, says, line.join(" "))
      assert.strictEqual(result.code, code, `${line.join(" ")}: ${result.output}`)
      assert.notMatch(result.output, /\n\s+at |undefined|\[object/, "a sentence, and nothing of the inside")
    }), { discard: true })

const send = (lab: Lab, body: string) =>
  Effect.async<{ readonly status: number | undefined; readonly text: string }, Waited>((resume) => {
    const asking = request({
      socketPath: lab.socket,
      path: "/v1/deployments",
      method: "POST",
      headers: { "content-type": "application/json" }
    }, (answer) => {
      void buffer(answer).then((text) => resume(Effect.succeed({ status: answer.statusCode, text: text.toString() })))
    })
    asking.once("error", (error) => resume(new Waited({ message: error.message })))
    asking.end(body)
  })

describe("bad input", () => {
  it.scopedLive("of archives and names: nothing is sent, nobody is touched", () =>
    Effect.gen(function*() {
      const { lab } = yield* running
      const before = calls(lab).length
      const whole = readFileSync(join(lab.images, `docker-dash-ha-${version}.tar`))
      const bad = join(lab.folder, "bad")
      mkdirSync(bad)
      const file = (name: string, content: string | Uint8Array) => {
        const path = join(bad, name)
        writeFileSync(path, content)
        return path
      }
      const fifo = join(bad, "fifo")
      execFileSync("mkfifo", [fifo])
      const manifest = (value: unknown) => tar({ "manifest.json": JSON.stringify(value), "config.json": "{}" })
      const several = yield* manifest([image("docker-a:1"), image("docker-b:1")])
      yield* refuses(lab, [
        [["deploy", file("text.tar", "no tar at all\n")], 1, /it is not a tar archive/],
        [["deploy", file("short.tar", whole.subarray(0, 3000))], 1, /it is cut short/],
        [["deploy", file("short.tar.gz", gzipSync(whole).subarray(0, 200))], 1, /it is cut short/],
        [["deploy", file("broken.tar.gz", Buffer.from([0x1f, 0x8b, 1, 2, 3]))], 1, /gzip/],
        [["deploy", file("other.tar", yield* tar({ "README": "hello" }))], 1, /neither manifest\.json nor index\.json/],
        [["deploy", file("object.tar", yield* manifest({ a: 1 }))], 1, /Expected a list of images, actual \{"a":1\}/],
        [["deploy", file("several.tar", several)], 1, /it holds 2 images \(docker-a:1, docker-b:1\)/],
        [["deploy", file("nameless.tar", yield* manifest([image("a;b:1")]))], 1, /"a;b" is not an image name/],
        [["deploy", file("empty.tar", "")], 1, /it is empty \(0 bytes\)/],
        [["deploy", bad], 1, /it is a folder/],
        [["deploy", fifo], 1, /it is not a regular file/],
        [["deploy", join(bad, "none.tar")], 2, /there is no file/],
        [["deploy", "docker-dash-ha"], 2, /there is no file \S*docker-dash-ha, .* has no tag/],
        [
          ["deploy", "docker-dash-ha:9"],
          1,
          /no archive in .* holds docker-dash-ha:9; it has .*docker-dash-ha:20260101/
        ],
        [["status", "bgp"], 2, /there is no container "bgp" on this DPU; there are databasedpu0, /],
        [["stop", "bgp"], 2, /there is no container "bgp"/],
        [["list", "-o", "xml"], 2, /--output \(-o\) is one of/],
        [["--completions", "tcsh"], 2, /--completions is one of/]
      ])
      assert.deepStrictEqual(calls(lab).slice(before), [])
      const list = yield* control(lab).list
      assert.isTrue(allRunning(list) && list.containers.every(({ restarts }) => restarts === 0))
    }), 60_000)

  it.scopedLive(
    "of control requests and version files: nothing is changed, and it catches up",
    () =>
      Effect.gen(function*() {
        const { lab } = yield* running
        const before = calls(lab).length
        for (
          const [body, status, says] of [
            ["{", 400, /not JSON/],
            ["{\"image\":\"a:1\",\"force\":true}", 400, /force: is unexpected/],
            [JSON.stringify({ image: "a".repeat(1_000_000) }), 413, /64 KiB/]
          ] as const
        ) {
          const answer = yield* send(lab, body)
          assert.strictEqual(answer.status, status, answer.text)
          assert.match((JSON.parse(answer.text) as { message: string }).message, says)
        }
        for (
          const [text, says] of [
            ["build_version: '2026 1/1'\n", /holds " ", "\/"/],
            ["build_version: [\n", /is not YAML/],
            ["branch: master\n", /has no build_version/],
            [undefined, /is not there/]
          ] as const
        ) {
          if (text === undefined) rmSync(lab.versionFile)
          else writeFileSync(lab.versionFile, text)
          yield* control(lab).version.pipe(
            Effect.filterOrFail(
              ({ sonicVersionReason }) => says.test(sonicVersionReason ?? ""),
              ({ sonicVersionReason }) => new Waited({ message: `${says.source}: ${sonicVersionReason}` })
            ),
            Effect.retry(Schedule.spaced("50 millis")),
            Effect.timeout("20 seconds")
          )
        }
        yield* setVersion(lab, version)
        assert.deepStrictEqual(calls(lab).slice(before), [], "no version is changed for want of one")
        yield* fault(lab, "go-away")
        yield* until(lab, "unreachable", ({ npu }) => npu.reachable === false)
        yield* refuses(lab, [
          [["logs", "gnmi"], 5, /the NPU could not be reached/],
          [["list", "--check"], 3, /what its containers do is not known until it answers/]
        ])
        yield* fault(lab, "come-back")
        const back = yield* until(lab, "back", (list) => list.npu.reachable === true && allRunning(list))
        assert.strictEqual(byName(back, lab.containers[0]!.name).restarts, 0)
      }),
    60_000
  )

  it.live("of an output that offloadd cannot write: one sentence", () =>
    Effect.sync(() => {
      const full = openSync("/dev/full", "w")
      try {
        for (const word of ["--help", "--version"]) {
          const { status, stderr } = spawnSync(process.execPath, [join(dist, "offloadd.cjs"), word], {
            stdio: ["ignore", full, "pipe"],
            encoding: "utf8"
          })
          assert.deepStrictEqual([status, stderr], [1, "offloadd: writing the output failed: the disk is full\n"])
        }
      } finally {
        closeSync(full)
      }
    }))

  it.scopedLive("of a full disk: intents are refused, said and not lost", (context) =>
    Effect.gen(function*() {
      const lab = yield* makeSwitch
      mkdirSync(lab.state)
      const mounted = yield* Effect.acquireRelease(
        Effect.sync(() => {
          try {
            execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", lab.state], { stdio: "ignore" })
            return true
          } catch {
            return false
          }
        }),
        (done) => Effect.sync(() => done ? execFileSync("umount", [lab.state]) : undefined)
      )
      if (!mounted) return skip(context, "mounting a tmpfs needs root")
      yield* packImages(lab, version)
      yield* setVersion(lab, version)
      const npu = yield* startNpuSim(lab)
      // Its end is awaited before the folder is given back.
      yield* Effect.scoped(Effect.gen(function*() {
        yield* startDaemon(lab, npu.endpoint)
        yield* until(lab, "three running", allRunning)
        const filler = join(lab.state, "filler")
        try {
          writeFileSync(filler, Buffer.alloc(128 * 1024))
        } catch {
          // As much as went in.
        }
        yield* refuses(lab, [[["stop", "gnmi"], 1, /not recorded, nothing was changed: .*the disk is full/]])
        // Also after a while in which nothing had to be saved.
        yield* until(lab, "said", (list) =>
          list.conditions.some(({ message, reason }) =>
            reason === "StateNotDurable" && /the disk is full/.test(message)
          ))
        assert.match((yield* offloadctl(lab, ["list"])).output, /StateNotDurable: .*the disk is full/)
        rmSync(filler)
        yield* until(lab, "saved again", ({ conditions }) =>
          conditions.every(({ reason }) =>
            reason !== "StateNotDurable"
          ))
        assert.isTrue(allRunning(yield* control(lab).list), "what was refused is not done later")
        assert.strictEqual((yield* offloadctl(lab, ["stop", "gnmi"])).code, 0)
      }))
    }), 60_000)

  it.scopedLive(
    "of files and paths given to offloadd: it does not start, and nothing is overwritten",
    () =>
      Effect.gen(function*() {
        const lab = yield* makeSwitch
        const file = (name: string, text: string) => {
          writeFileSync(join(lab.folder, name), text)
          return join(lab.folder, name)
        }
        const services = "{\"portShift\":\"x\",\"services\":[{\"name\":\"a\"}]}"
        yield* Effect.forEach(
          [
            [["--catalogue", file("cut.json", "{")], 2, /the catalogue .*cut\.json: .*JSON/],
            [["--catalogue", file("wrong.json", services)], 2, /portShift: Expected number, actual "x"; services\[0\]/],
            [["--policy", file("policy.json", "{\"nope\":1}")], 2, /the policy .*: nope: is unexpected/],
            [["--socket", file("no-socket", "mine")], 1, /exists and is not a socket; it is left alone/],
            [["--socket", join(lab.folder, "none", "x.sock")], 1, /the folder of the socket .* does not exist/],
            [["--state-dir", file("no-folder", "mine")], 1, /no-folder/],
            [["--npu-architecture", "x86_64"], 2, /"x86_64" is no architecture of images; write one of .*amd64/],
            [["--npu", "http://npu:8080"], 2, /is not an address; write HOST:PORT/],
            [["--nope"], 2, /'--nope'; "offloadd --help"/]
          ] as ReadonlyArray<readonly [ReadonlyArray<string>, number, RegExp]>,
          ([args, code, says]) =>
            Effect.gen(function*() {
              const daemon = yield* startDaemon(lab, "127.0.0.1:1", args)
              assert.strictEqual(yield* daemon.exit, code, daemon.output())
              assert.match(daemon.output(), says)
            }),
          { discard: true }
        )
        for (const name of ["no-socket", "no-folder"]) {
          assert.strictEqual(readFileSync(join(lab.folder, name), "utf8"), "mine")
        }
        yield* refuses(lab, [[["list"], 4, /no offloadd answers at .*; start the daemon/]])
        rmSync(lab.state, { recursive: true, force: true })
        mkdirSync(lab.state)
        writeFileSync(join(lab.state, "memory.json"), "{\"format\": 1, ")
        yield* setVersion(lab, version)
        const daemon = yield* startDaemon(lab, "127.0.0.1:1")
        yield* until(lab, "up all the same", ({ npu }) => npu.reachable === false)
        const aside = readdirSync(lab.state).filter((name) => name !== "memory.json" && /memory/.test(name))
        assert.deepStrictEqual(aside.map((name) => readFileSync(join(lab.state, name), "utf8")), ["{\"format\": 1, "])
        yield* daemon.signal("SIGTERM")
        assert.strictEqual(yield* daemon.exit, 0)
        assert.match(daemon.output(), /offloadd has stopped; the services go on/)
      }),
    60_000
  )
})
