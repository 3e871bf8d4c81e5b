import { existsSync, lstatSync, writeFileSync } from "node:fs"
import * as net from "node:net"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import * as Client from "../../../layers/control/client.ts"
import { feed as feedOf } from "../../../layers/control/feed.ts"
import { type ControlClientShape, make } from "../../../src/cli/control-client.ts"
import { mayBeCarriedOut } from "../../../src/cli/exchange.ts"
import { answerTimeout } from "../../../src/control/answer-time.ts"
import { list } from "../../unit/cli/views.ts"
import { answering, cutOff, folder, get, post, raw, type Seen, serve } from "./fixture.ts"

const socketIn = Effect.map(folder, (path) => join(path, "offloadd.sock"))

const statusOf = (answer: string): number => Number(answer.split(" ")[1])
const bodyOf = (answer: string): { _tag: string; message: string } =>
  JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4))

/** A socket file that nobody listens on, as a killed daemon leaves it. */
const leaveStale = (path: string) =>
  Effect.async<void>((resume) => {
    const { execFileSync } = process.getBuiltinModule("node:child_process")
    execFileSync(process.execPath, [
      "-e",
      "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))",
      path
    ], { stdio: "ignore", timeout: 10_000 })
    resume(Effect.void)
  }).pipe(Effect.catchAllCause(() => Effect.void))

describe("taking the socket", () => {
  it.scopedLive("binds with mode 0660 and removes the socket at the end", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const scope = yield* Scope.make()
      yield* Scope.extend(serve(path), scope)
      assert.strictEqual(lstatSync(path).mode & 0o777, 0o660)
      yield* Scope.close(scope, Exit.void)
      assert.isFalse(existsSync(path))
    }))

  it.scopedLive("refuses where another daemon answers, and says which", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* serve(path)
      const error = yield* Effect.flip(serve(path))
      assert.strictEqual(error.reason, "InUse")
      assert.include(error.message, "another offloadd (version 0.1.0, pid 4711) answers on")
      assert.deepStrictEqual(yield* make(Client.exchange(path)).list, list())
    }))

  it.scopedLive("refuses where something else answers that does not speak", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* Effect.acquireRelease(
        Effect.async<net.Server>((resume) => {
          const server = net.createServer()
          server.listen(path, () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const error = yield* Effect.flip(serve(path))
      assert.strictEqual(error.reason, "InUse")
    }))

  it.scopedLive("takes over what a killed daemon left", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* leaveStale(path)
      assert.isTrue(lstatSync(path).isSocket())
      yield* serve(path)
      assert.strictEqual((yield* make(Client.exchange(path)).version).pid, 4711)
    }))

  it.scopedLive("leaves a file alone that is no socket", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      writeFileSync(path, "precious")
      const error = yield* Effect.flip(serve(path))
      assert.strictEqual(error.reason, "NotASocket")
      assert.isTrue(existsSync(path))
    }))

  it.scopedLive("refuses a path that is too long, or whose folder is not there", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const long = yield* Effect.flip(serve(`${path}-${"é".repeat(60)}`))
      assert.strictEqual(long.reason, "TooLong")
      assert.include(long.message, "at most 107")
      const nowhere = yield* Effect.flip(serve(join(path, "x", "y.sock")))
      assert.include(nowhere.message, "does not exist")
    }))
})

describe("requests", () => {
  const refused = (name: string, bytes: string, status: number, tag: string, sentence: RegExp) =>
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const path = yield* socketIn
        const seen = yield* serve(path)
        const answer = yield* raw(path, bytes)
        assert.strictEqual(statusOf(answer), status, answer)
        assert.strictEqual(bodyOf(answer)._tag, tag)
        assert.match(bodyOf(answer).message, sentence)
        assert.deepStrictEqual(seen.deploys, [])
        assert.strictEqual((yield* make(Client.exchange(path)).version).pid, 4711)
      }))

  refused("broken JSON", post("/v1/deployments", "{\"image\": "), 400, "BadRequest", /not JSON/)
  refused(
    "an unknown field",
    post("/v1/deployments", "{\"image\":\"a:1\",\"force\":true}"),
    400,
    "BadRequest",
    /force: is unexpected/
  )
  refused("a wrong type", post("/v1/deployments", "{\"path\":5}"), 400, "BadRequest", /path: Expected string, actual 5/)
  refused(
    "a relative path",
    post("/v1/deployments", "{\"path\":\"x.tar\"}"),
    400,
    "BadRequest",
    /path: must be an absolute path/
  )
  refused("neither field", post("/v1/deployments", ""), 400, "BadRequest", /exactly one of the two/)
  refused(
    "both fields",
    post("/v1/deployments", "{\"path\":\"/x\",\"image\":\"a:1\"}"),
    400,
    "BadRequest",
    /exactly one/
  )
  refused("not an object", post("/v1/deployments", "[1]"), 400, "BadRequest", /Expected/)
  refused(
    "a field where none belongs",
    post("/v1/containers/gnmi/start", "{\"now\":1}"),
    400,
    "BadRequest",
    /now: is unexpected/
  )
  refused("an unknown query field", get("/v1/events?folow=true"), 400, "BadRequest", /folow: is unexpected/)
  refused("a wrong query value", get("/v1/events?follow=maybe"), 400, "BadRequest", /follow: /)
  refused("an unknown path", get("/v1/containerz"), 404, "UnknownPath", /GET \/v1\/containerz/)
  refused("another method", post("/v1/containers", "{}"), 404, "UnknownPath", /POST/)
  refused(
    "a megabyte",
    post("/v1/deployments", JSON.stringify({ image: "a".repeat(1 << 20) })),
    413,
    "TooLarge",
    /64 KiB/
  )
  refused(
    "a megabyte in chunks",
    `POST /v1/deployments HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n100000\r\n${
      "a".repeat(1 << 20)
    }\r\n0\r\n\r\n`,
    413,
    "TooLarge",
    /64 KiB/
  )
  refused("a defect inside", post("/v1/containers/gnmi/stop", ""), 500, "InternalError", /its log says how/)

  it.scopedLive("a body without a content type is JSON, as `curl -d` sends it", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const seen = yield* serve(path)
      const body = "{\"image\":\"a:1\"}"
      const answer = yield* raw(
        path,
        `POST /v1/deployments HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\n`
          + `content-length: ${body.length}\r\n\r\n${body}`
      )
      assert.strictEqual(statusOf(answer), 202)
      assert.deepStrictEqual(seen.deploys, [{ image: "a:1" }])
    }))

  it.scopedLive("a client that says nothing holds nobody up", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* serve(path)
      yield* Effect.forkScoped(raw(path, "GET /v1/contai"))
      yield* Effect.forkScoped(raw(path, "POST /v1/deployments HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"))
      assert.strictEqual((yield* make(Client.exchange(path)).list).dpu, "dpu0")
    }))
})

describe("slow clients", () => {
  it.scopedLive("are cut off in the middle of headers and of a body", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const seen = yield* serve(path)
      const answers = yield* Effect.all([
        raw(path, "GET /v1/contai"),
        raw(path, "POST /v1/deployments HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
      ], { concurrency: "unbounded" })
      for (const answer of answers) assert.strictEqual(statusOf(answer), 408)
      assert.deepStrictEqual(seen.deploys, [])
    }))
})

describe("the client", () => {
  it.scopedLive("carries typed errors", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* serve(path)
      const client = make(Client.exchange(path))
      assert.strictEqual((yield* Effect.flip(client.status("nope")))._tag, "UnknownContainer")
      assert.strictEqual((yield* Effect.flip(client.deploy({ image: "busy:1" })))._tag, "Busy")
      assert.strictEqual((yield* Effect.flip(client.deployment("op-9")))._tag, "UnknownOperation")
      assert.strictEqual((yield* Effect.flip(client.stop("gnmi")))._tag, "InternalError")
      assert.strictEqual((yield* client.start("gnmi")).desired, "running")
      assert.strictEqual((yield* client.cancel("op-1")).outcome, "cancelled")
    }))

  it.scopedLive("says where no daemon answers", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const absent = yield* Effect.flip(make(Client.exchange(path)).list)
      assert.strictEqual(absent._tag, "NoDaemon")
      assert.include(absent.message, `no offloadd answers at ${path}`)
      yield* leaveStale(path)
      const stale = yield* Effect.flip(make(Client.exchange(path)).list)
      assert.strictEqual(stale._tag, "NoDaemon")
      assert.include(stale.message, "left its socket behind")
    }))

  it.scoped("says of a change that is not answered that it may be carried out all the same", () =>
    Effect.gen(function*() {
      const said = (ask: (client: ControlClientShape) => Effect.Effect<unknown, { readonly message: string }>) =>
        Effect.gen(function*() {
          const asked = yield* Deferred.make<void>()
          const path = yield* answering(() => Deferred.unsafeDone(asked, Effect.void))
          const asking = yield* Effect.fork(Effect.flip(ask(make(Client.exchange(path)))))
          yield* Deferred.await(asked)
          yield* TestClock.adjust(answerTimeout)
          return (yield* Fiber.join(asking)).message
        })
      const stuck = /has not answered it in 15 s; it is stuck or overloaded: see its log/
      for (const change of [yield* said(({ stop }) => stop("gnmi")), yield* said(({ cancel }) => cancel("op-1"))]) {
        assert.match(change, stuck)
        assert.include(change, mayBeCarriedOut)
      }
      const question = yield* said(({ list }) => list)
      assert.match(question, stuck)
      assert.notInclude(question, mayBeCarriedOut)
    }))

  it.scopedLive("says of a file and of a folder that they are no socket", () =>
    Effect.gen(function*() {
      const path = yield* folder
      writeFileSync(join(path, "file"), "")
      for (const other of [path, join(path, "file")]) {
        const refused = yield* Effect.flip(make(Client.exchange(other)).list)
        assert.deepInclude(refused, { _tag: "NoDaemon", sent: false })
        assert.include(refused.message, `${other}: that is no socket`)
      }
    }))

  it.scopedLive("reads events, and a followed stream ends at shutdown", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const scope = yield* Scope.make()
      const seen = yield* Scope.extend(serve(path), scope)
      const feed = feedOf(path)
      const past = yield* Stream.runCollect(feed.events({ follow: false }))
      assert.deepStrictEqual([...past].map((event) => [event.sequence, event.message]), [[1, "é"], [2, "é"]])
      const follower = yield* Effect.fork(Stream.runCount(feed.events({ follow: true })))
      yield* Deferred.await(seen.following)
      const begun = process.hrtime.bigint()
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Fiber.join(follower), 2)
      assert.isBelow(Number(process.hrtime.bigint() - begun) / 1e6, 900)
    }))

  it.scopedLive("output that breaks off comes as far as it goes, and then says why", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* serve(path)
      const lines: Array<string> = []
      const output = feedOf(path).output({ container: "ha", follow: true, previous: false })
      const error = yield* Effect.flip(Stream.runForEach(output, (line) => Effect.sync(() => lines.push(line))))
      assert.deepStrictEqual(lines, ["one", "two"])
      assert.deepStrictEqual(error, { _tag: "NpuUnreachable", message: cutOff.message })
    }))

  it.scopedLive("a stream goes to a client of HTTP/1.0 as well", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      yield* serve(path)
      const answer = yield* raw(path, "GET /v1/events HTTP/1.0\r\n\r\n")
      assert.match(answer, /^HTTP\/1\.1 200 [^]*"sequence":2/)
    }))

  it.scopedLive("an interrupted daemon closes as one that ends", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const serving = yield* Deferred.make<Seen>()
      const daemon = yield* serve(path).pipe(
        Effect.tap((seen) => Deferred.succeed(serving, seen)),
        Effect.zipRight(Effect.never),
        Effect.scoped,
        Effect.fork
      )
      const seen = yield* Deferred.await(serving)
      const follower = yield* Effect.fork(Stream.runCount(feedOf(path).events({ follow: true })))
      yield* Deferred.await(seen.following)
      yield* Fiber.interrupt(daemon)
      assert.strictEqual(yield* Fiber.join(follower), 2)
      assert.isFalse(existsSync(path))
    }))

  it.scopedLive("a follower that hangs up is let go", () =>
    Effect.gen(function*() {
      const path = yield* socketIn
      const seen = yield* serve(path)
      const feed = feedOf(path)
      yield* Stream.runDrain(Stream.take(feed.events({ follow: true }), 2))
      yield* Deferred.await(seen.following)
      const begun = process.hrtime.bigint()
      assert.strictEqual((yield* make(Client.exchange(path)).version).pid, 4711)
      assert.isBelow(Number(process.hrtime.bigint() - begun) / 1e6, 900)
    }))
})
