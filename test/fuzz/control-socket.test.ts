/** The daemon's control socket against clients that speak no HTTP, or too much of it. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { exchange } from "../../layers/control/client.ts"
import { make } from "../../src/cli/control-client.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import { makeWorld } from "../unit/daemon/world.ts"
import { campaign, soon } from "./campaign.ts"
import * as Garbage from "./garbage.ts"

const targets: ReadonlyArray<string> = [
  "/v1/containers",
  "/v1/containers/gnmi",
  "/v1/containers/gnmi/start",
  "/v1/containers/gnmi/stop",
  "/v1/containers/gnmi/retry",
  "/v1/containers/gnmi/logs?follow=false&previous=true",
  "/v1/containers/gnmi/logs?follow=maybe",
  "/v1/retry",
  "/v1/deployments",
  "/v1/deployments/1",
  "/v1/events",
  "/v1/events?container=gnmi&container=ha",
  "/v1/events?since=yesterday",
  "/v1/policy",
  "/v1/version",
  "/v1/npu",
  "/",
  "*",
  "/v1/../../etc/passwd",
  "/v1/containers/%00",
  "/v1/containers/%E0%A4%A",
  "/v1/containers/%ff/start",
  "//v1//containers",
  "http://elsewhere/v1/containers"
]

const methods = ["GET", "GET", "POST", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH", "CONNECT", "get", "BREW"]

const body = (chance: Chance): string =>
  chance.pick<() => string>([
    () => "",
    () => "{}",
    () => "{",
    () => "null",
    () => "[[[[",
    () => "{\"path\":\"/etc/passwd\"}",
    () => JSON.stringify({ path: `/${Garbage.text(chance)}` }),
    () => JSON.stringify({ image: Garbage.text(chance) }),
    () => JSON.stringify({ image: "docker-sonic-gnmi:1.0", path: "/a", more: Garbage.text(chance) }),
    () => "{\"__proto__\":{\"path\":\"/a\"},\"constructor\":1}",
    () => "[".repeat(chance.below(60_000)),
    () => "{\"a\":".repeat(chance.below(10_000)),
    () => `"${"x".repeat(chance.below(200_000))}"`,
    () => Garbage.text(chance)
  ])()

/** One request: sound, or not quite, or nothing of the kind. */
const request = (chance: Chance): Buffer => {
  const kind = chance.below(20)
  if (kind < 2) return Garbage.bytes(chance, 2000)
  if (kind < 3) return Buffer.from(Garbage.text(chance))
  const target = chance.hits(0.8)
    ? chance.pick(targets)
    : `/v1/${encodeURIComponent(Garbage.text(chance).toWellFormed())}`
  const content = Buffer.from(body(chance))
  const length = chance.hits(0.9) ? content.length : chance.pick([-1, 0, 1, 1e15, NaN])
  const head = [
    `${chance.pick(methods)} ${target} HTTP/${chance.hits(0.95) ? "1.1" : chance.pick(["1.0", "2.0", "9.9", "x"])}`,
    ...(chance.hits(0.9) ? ["host: x"] : []),
    ...(chance.hits(0.9) ? ["connection: close"] : []),
    ...(chance.hits(0.1) ? [`x-long: ${"x".repeat(chance.below(20_000))}`] : []),
    ...(chance.hits(0.1) ? ["transfer-encoding: chunked"] : []),
    ...(chance.hits(0.05) ? ["expect: 100-continue"] : []),
    ...(chance.hits(0.05) ? ["upgrade: websocket"] : []),
    ...(chance.hits(0.05) ? [Garbage.text(chance)] : []),
    `content-length: ${length}`
  ]
  const whole = Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), content])
  return chance.hits(0.9) ? whole : Garbage.spoilt(chance, whole)
}

/** Sends it in one piece or in two and takes what comes, until the daemon closes or the client has heard enough. */
const send = (path: string, chance: Chance): Effect.Effect<string> =>
  Effect.async((resume) => {
    let answer = ""
    const socket = net.connect({ path })
    const bytes = request(chance)
    socket.on("error", () => {})
    socket.on("data", (piece: Buffer) => {
      answer = (answer + piece.toString("latin1")).slice(0, 100_000)
    })
    socket.on("close", () => resume(Effect.succeed(answer)))
    const half = chance.hits(0.2) ? chance.below(bytes.length + 1) : bytes.length
    socket.write(bytes.subarray(0, half))
    if (chance.hits(0.1)) socket.destroy()
    else if (half < bytes.length) setImmediate(() => socket.write(bytes.subarray(half)))
    // What the daemon waits for does not come.
    socket.setTimeout(60, () => socket.destroy())
    return Effect.sync(() => socket.destroy())
  })

const isSound = (answer: string): void => {
  if (answer === "") return
  const status = /^HTTP\/1\.1 ([1-5][0-9]{2}) /.exec(answer)
  assert.isNotNull(status, `the answer begins with ${JSON.stringify(answer.slice(0, 80))}`)
  assert.notStrictEqual(status?.[1], "500", answer)
  assert.notMatch(answer, /\n\s+at |\.ts:\d|node:internal/)
}

describe("the control socket", () => {
  campaign({
    target: "against clients of all kinds",
    file: "test/fuzz/control-socket.test.ts",
    share: 0.25,
    batch: 200,
    lanes: 4,
    run: (chance, cases) =>
      Effect.gen(function*() {
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "fuzz-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true }))
        )
        const world = yield* makeWorld(["1.0"])
        const daemon = yield* world.boot
        const path = join(folder, "s")
        yield* daemon.serve(path)
        const lanes = Array.from({ length: 8 }, (_, lane) => lane)
        yield* Effect.forEach(lanes, (lane) =>
          Effect.gen(function*() {
            for (let index = lane; index < cases; index += lanes.length) {
              isSound(yield* soon(send(path, chance.fork(index)), `case ${index}`))
            }
          }), { concurrency: "unbounded", discard: true })
        // Its limit is in time; here the machine may be slow.
        const list = Effect.retry(make(exchange(path)).list, { while: ({ _tag }) => _tag === "NoDaemon" })
        const { containers } = yield* soon(list, "an ordinary request")
        assert.strictEqual(containers.length, 3)
        assert.isAtMost(world.disk.text?.length ?? 0, 100_000, "size of the daemon's memory")
        assert.deepStrictEqual(readdirSync(folder), ["s"], "files left")
      })
  })
})
