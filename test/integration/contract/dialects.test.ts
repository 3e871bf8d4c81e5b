/** The client over sockets against servers of each dialect: what it finds out, and what it makes of their answers. */
import { createReadStream, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import * as Gnoi from "../../../layers/gnoi/wire.ts"
import { layerFolder } from "../../../layers/images/folder.ts"
import { packTo } from "../../../layers/images/pack.ts"
import { asReference } from "../../../layers/npu-sim/engine/core.ts"
import type { Engine } from "../../../layers/npu-sim/engine/engine.ts"
import * as EngineClock from "../../../layers/npu-sim/engine-clock.ts"
import * as MemoryBackend from "../../../layers/npu-sim/memory-backend.ts"
import type { SimDialect } from "../../../layers/npu-sim/server/dialects.ts"
import { serve } from "../../../layers/npu-sim/server/serve.ts"
import { builtIn, resolve } from "../../../src/model/catalogue.ts"
import type { Speech } from "../../../src/model/speech.ts"
import type { NpuError } from "../../../src/npu/error.ts"
import { ImageSource } from "../../../src/npu/image-source.ts"
import * as Npu from "../../../src/npu/npu.ts"
import { parseRemoteSource, RemoteSource } from "../../../src/npu/remote-source.ts"
import { Wire } from "../../../src/npu/wire.ts"

const [database] = Either.getOrThrow(resolve(builtIn, 0))
const image = { repository: "docker-database", tag: "1.0" }
const name = database!.name

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "dialects-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** A folder with one archive, and an HTTP server that serves it and counts what it is asked. */
const source = Effect.gen(function*() {
  const directory = yield* folder
  const path = join(directory, "database.tar")
  yield* packTo(path, { names: ["docker-database:1.0"], files: { "/data": new Uint8Array(100_000) }, cmd: ["/data"] })
  const asked: Array<string> = []
  const server = yield* Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const http = createServer((request, response) => {
        asked.push(request.url ?? "")
        if (request.url === "/images/database.tar") createReadStream(path).pipe(response)
        else response.writeHead(404).end()
      })
      http.listen(0, "127.0.0.1", () => resume(Effect.succeed(http)))
    }),
    (http) => Effect.sync(() => http.close())
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  const images = yield* Effect.provide(ImageSource, layerFolder({ directory }))
  return { archive: yield* images.find(image), asked, url: `http://127.0.0.1:${port}/images` }
})

const listen = (engine: Engine, dialect: SimDialect, port = 0) =>
  serve({ host: "127.0.0.1", port, backend: MemoryBackend.make(engine), dialect })

const client = (port: number, remote?: string) =>
  Effect.gen(function*() {
    const wire = yield* Gnoi.make({ host: "127.0.0.1", port, reconnect: { initial: 20, maximum: 50 } })
    const npu = yield* Effect.provide(
      Npu.Npu,
      Npu.layer.pipe(Layer.provide(Layer.succeed(Wire, wire)))
    ).pipe(
      Effect.provideService(
        RemoteSource,
        remote === undefined ? undefined : Either.getOrThrow(parseRemoteSource(remote))
      )
    )
    yield* Effect.forkScoped(npu.attend)
    return npu
  })

/** Looks until the dialect that is waited for is known. */
const knows = (npu: Npu.NpuService, dialect: Speech["dialect"]) =>
  Stream.merge(
    npu.speech,
    Stream.drain(Stream.repeatEffect(Effect.delay(npu.look([name]), 20)))
  ).pipe(Stream.filter((speech) => speech.dialect === dialect), Stream.runHead, Effect.map(Option.getOrThrow))

const world = (dialect: SimDialect, remote = false) =>
  Effect.gen(function*() {
    const { archive, asked, url } = yield* source
    const engine = yield* EngineClock.make({ stopMillis: 20 })
    const server = yield* listen(engine, dialect)
    const npu = yield* client(server.listener.port, remote ? url : undefined)
    return { archive, asked, engine, npu, server }
  })

const outcome = <A>(call: Effect.Effect<A, NpuError>) =>
  Effect.map(
    Effect.either(call),
    (result) => Either.isRight(result) ? "OK" : `${result.left.origin} ${result.left.class}`
  )

describe("a modern server", () => {
  it.scopedLive("is known by its reflection, and its clock with it", () =>
    Effect.gen(function*() {
      const { npu } = yield* world("modern")
      assert.deepStrictEqual(yield* knows(npu, "modern"), { dialect: "modern", by: "reflection", missing: [] })
      const clock = yield* Effect.repeat(Effect.delay(npu.clock, 10), { until: (reading) => reading !== undefined })
      assert.isAtMost(Math.abs(clock?.difference ?? Infinity), 1000)
    }))
})

describe("a server whose errors are in its answers", () => {
  it.scopedLive("has none of them read as success", () =>
    Effect.gen(function*() {
      const { archive, engine, npu } = yield* world("inband")
      assert.strictEqual((yield* knows(npu, "modern")).by, "answers", "nothing tells it apart yet")
      assert.strictEqual(yield* outcome(npu.stop(name, false)), "in-band NotFound")
      assert.deepStrictEqual(yield* knows(npu, "in-band"), { dialect: "in-band", by: "answers", missing: [] })
      assert.strictEqual(yield* outcome(npu.start(database!, image)), "in-band NotFound")
      assert.strictEqual(yield* outcome(npu.remove(name)), "in-band NotFound")
      yield* npu.deploy(archive, () => undefined)
      engine.blockPort(database!.probe!.port, true)
      yield* npu.start({ ...database!, ports: [{ internal: 1, external: database!.probe!.port }] }, image).pipe(
        outcome,
        Effect.map((text) => assert.strictEqual(text, "in-band Conflict"))
      )
      engine.blockPort(database!.probe!.port, false)
      assert.strictEqual(yield* outcome(npu.start(database!, image)), "OK")
      assert.strictEqual(yield* outcome(npu.remove(name)), "in-band Conflict")
      assert.strictEqual(yield* outcome(npu.start(database!, image)), "server AlreadyExists")
      assert.strictEqual(yield* outcome(npu.stop(name, false)), "OK")
      assert.strictEqual(yield* outcome(npu.remove(name)), "OK")
    }))
})

const sonicLacks: Speech["missing"] = ["list", "start", "stop", "remove", "images", "logs"]

describe("a server of SONiC's", () => {
  it.scopedLive("is known by its names, and answers looks without a list", () =>
    Effect.gen(function*() {
      const { archive, npu, server } = yield* world("sonic")
      assert.deepStrictEqual(yield* knows(npu, "sonic"), {
        dialect: "sonic",
        by: "answers",
        missing: ["list", "start", "stop", "remove", "images", "deploy", "logs"]
      })
      const { result } = yield* npu.look([name])
      assert.strictEqual(result._tag, "Unlisted")
      assert.strictEqual(yield* outcome(npu.deploy(archive, () => undefined)), "client Unsupported")
      assert.isUndefined(server.gate.counts.get("Deploy"), "nothing was sent")
    }))

  it.scopedLive("fetches an image from the source that it is told of, which nothing proves", () =>
    Effect.gen(function*() {
      const { archive, asked, engine, npu } = yield* world("sonic", true)
      assert.deepStrictEqual((yield* knows(npu, "sonic")).missing, sonicLacks)
      const arrival = yield* npu.deploy(archive, () => undefined)
      assert.isFalse(arrival.shown)
      assert.deepStrictEqual(asked, ["/images/database.tar"])
      assert.deepStrictEqual(engine.inspect().images.map((held) => held.id), [archive.configDigest])
    }))

  it.scopedLive("calls a download of nothing a success, which is believed no more", () =>
    Effect.gen(function*() {
      const { archive, asked, engine, npu } = yield* world("sonic", true)
      yield* knows(npu, "sonic")
      const arrival = yield* npu.deploy({ ...archive, path: "/elsewhere/other.tar" }, () => undefined)
      assert.isTrue(!arrival.shown && arrival.reason.includes("does not list its images"))
      assert.deepStrictEqual([asked, engine.inspect().images.length], [["/images/other.tar"], 0])
    }))
})

describe("a connection", () => {
  it.scopedLive("is asked anew what is at its end", () =>
    Effect.gen(function*() {
      const engine = yield* EngineClock.make({ stopMillis: 20, quirks: asReference })
      const first = yield* Scope.make()
      const { listener } = yield* Scope.extend(listen(engine, "sonic"), first)
      const npu = yield* client(listener.port)
      yield* knows(npu, "sonic")
      yield* Scope.close(first, Exit.void)
      yield* listen(engine, "modern", listener.port)
      assert.deepStrictEqual((yield* knows(npu, "modern")).missing, [])
      assert.strictEqual((yield* npu.look([name])).result._tag, "Seen")
    }))
})
