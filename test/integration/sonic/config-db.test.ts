import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

import { switchTarget } from "../../../bin/offloadd-switch.ts"
import * as Gnoi from "../../../layers/gnoi/wire.ts"
import { type ConfigReading, gnmiRows } from "../../../layers/sonic/config-db.ts"
import type { EventBody } from "../../../src/model/event.ts"
import { needs } from "../../needs.ts"
import { authority, made, place } from "../certificates/support.ts"
import { world } from "../npu-sim/world.ts"
import { noRedis, startRedis, switchRedis } from "./redis.ts"
import { put, temporaryRoot } from "./support.ts"

const client = () => import("../../../layers/sonic/redis.ts")

/** Readings as they come. */
const reading = (root: string, resync: Duration.DurationInput = Duration.minutes(1)) =>
  Effect.gen(function*() {
    const queue = yield* Queue.unbounded<ConfigReading>()
    yield* Effect.forkScoped(
      Stream.runForEach(gnmiRows({ root, client, resync, retry: 20 }), (one) => Queue.offer(queue, one))
    )
    return Queue.take(queue)
  })

const rows = (reading: ConfigReading) => reading._tag === "Rows" ? reading.rows : reading.reason

describe("CONFIG_DB", () => {
  needs(noRedis)

  it.scopedLive("is read, and each change of it is heard", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const { client } = yield* switchRedis(root)
      yield* Effect.promise(() => client.hset("GNMI|gnmi", { port: "50052", client_auth: "true" }))
      yield* Effect.promise(() => client.hset("GNMI|certs", { NULL: "NULL" }))
      const next = yield* reading(root)
      assert.deepStrictEqual(rows(yield* next), {
        gnmi: { port: "50052", client_auth: "true" },
        certs: {},
        x509: {}
      })
      yield* Effect.promise(() => client.hset("GNMI|gnmi", "port", "8081"))
      assert.deepStrictEqual(rows(yield* next), { gnmi: { port: "8081", client_auth: "true" }, certs: {}, x509: {} })
      yield* Effect.promise(() => client.del("GNMI|gnmi"))
      assert.deepStrictEqual(rows(yield* next), { gnmi: {}, certs: {}, x509: {} })
    }))

  it.scopedLive("is read again now and then, since not every Redis tells of changes", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const { client } = yield* switchRedis(root)
      yield* Effect.promise(() => client.config("SET", "notify-keyspace-events", ""))
      const next = yield* reading(root, Duration.millis(50))
      yield* next
      yield* Effect.promise(() => client.hset("GNMI|gnmi", "port", "8081"))
      assert.deepStrictEqual(rows(yield* next), { gnmi: { port: "8081" }, certs: {}, x509: {} })
    }))

  it.scopedLive("is waited for: the file, Redis, and the end of the switch's start; and found again when lost", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const next = yield* reading(root)
      assert.match(String(rows(yield* next)), /database_config\.json is not there$/)
      const { client, path, stop } = yield* switchRedis(root)
      yield* Effect.repeat(next, { until: ({ _tag }) => _tag === "Rows" })
      yield* stop
      assert.match(String(rows(yield* next)), /^Redis (was lost|cannot be read)/)
      yield* Effect.asVoid(startRedis(path))
      yield* Effect.repeat(next, { until: (one) => rows(one) === "CONFIG_DB is not initialised yet" })
      yield* Effect.promise(() => client.hset("GNMI|gnmi", "port", "1234"))
      yield* Effect.promise(() => client.set("CONFIG_DB_INITIALIZED", "1"))
      assert.deepStrictEqual(rows(yield* next), { gnmi: { port: "1234" }, certs: {}, x509: {} })
    }))

  it.scopedLive("that makes no sense is told", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      put(root, "/var/run/redis/sonic-db/database_config.json", "{\"INSTANCES\":{},\"DATABASES\":{}}")
      assert.match(String(rows(yield* yield* reading(root))), /it has no CONFIG_DB$/)
    }))
})

describe("a switch", () => {
  needs(noRedis)

  const ca = authority()
  const npu = made({ name: "npu", hosts: ["127.0.0.1"], issuer: ca })
  const own = made({ name: "dpu0", issuer: ca })

  it.scopedLive("says all that is needed to talk to the NPU, and what it changes is followed", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const { client } = yield* switchRedis(root)
      const presented: Array<string> = []
      const secure = yield* world({
        server: {
          tls: {
            material: { ...npu, ca: ca.certificate },
            clientAuth: true,
            onHandshake: (socket) => void presented.push(String(socket.getPeerCertificate().subject.CN))
          }
        }
      })
      const plain = yield* world()
      const told: Array<EventBody> = []
      const { first, moves } = yield* switchTarget({
        root,
        insecure: false,
        tell: (notice) => void told.push(notice),
        resync: Duration.millis(50)
      })
      // Nothing is written yet: plaintext, port 8080, where nobody is.
      const wire = yield* Gnoi.make({ ...first, moves, reconnect: { initial: 100, maximum: 100 } })
      const look = wire.collect("ListContainer", { all: true }, Duration.seconds(5))
      const answered = Effect.retry(look, { while: (error) => error.origin === "local" })

      const where = place(root)
      where.rename(ca.certificate, own)
      const { ca: ca_crt, certificate: server_crt, key: server_key } = where.files
      yield* Effect.promise(() =>
        client.multi().hset("GNMI|certs", { ca_crt, server_crt, server_key })
          .hset("GNMI|gnmi", "port", String(secure.server.listener.port)).exec()
      )
      yield* answered
      assert.strictEqual(wire.endpoint, `127.0.0.1:${secure.server.listener.port}`)
      assert.deepStrictEqual(presented, ["dpu0"])

      where.rename(ca.certificate, made({ name: "dpu0, renewed", issuer: ca }))
      yield* Effect.repeat(look, { until: () => presented.length > 1 })
      assert.deepStrictEqual(presented, ["dpu0", "dpu0, renewed"])

      yield* Effect.promise(() =>
        client.multi().del("GNMI|certs").hset("GNMI|gnmi", "port", String(plain.server.listener.port)).exec()
      )
      yield* Effect.repeat(Effect.either(look), {
        until: () => wire.endpoint === `127.0.0.1:${plain.server.listener.port}`
      })
      yield* answered
      assert.include(told.map(({ message }) => message).join(" "), "in plaintext")
      assert.include(told.map(({ reason }) => reason), "CertificateRenewed")
    }))

  it.scopedLive("that says nothing is not guessed at, and one whose certificate nobody signed is not trusted", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const options = { root, insecure: false, tell: () => {}, resync: Duration.millis(50) }
      const { first, moves } = yield* switchTarget(options)
      const wire = yield* Gnoi.make({ ...first, moves, reconnect: { initial: 50, maximum: 50 } })
      const look = wire.collect("ListContainer", { all: true }, Duration.seconds(5))
      assert.strictEqual((yield* Effect.flip(look)).fault, "NotConfigured")

      const { client } = yield* switchRedis(root)
      yield* Effect.promise(() => client.hset("GNMI|certs", { ca_crt: "", server_crt: "", server_key: "" }))
      const error = yield* Effect.repeat(Effect.flip(look), {
        until: ({ details }) => details.includes("no authority")
      })
      assert.strictEqual(error.fault, "NotConfigured")
      assert.match(error.details, /--tls-insecure takes the certificate all the same$/)

      const insecure = yield* switchTarget({ ...options, insecure: true })
      const target = Option.getOrThrow(yield* Stream.runHead(insecure.moves))
      assert.isTrue(target.security?._tag === "Tls" && !target.security.verify)
    }))

  it.scopedLive("gives way to the command line", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const { client } = yield* switchRedis(root)
      yield* Effect.promise(() => client.hset("GNMI|certs", { ca_crt: join(root, "ca.pem") }))
      const { moves } = yield* switchTarget({
        root,
        insecure: false,
        security: { _tag: "Plaintext" },
        tell: () => {}
      })
      const target = yield* Effect.fork(Stream.runHead(moves))
      assert.strictEqual(Option.getOrThrow(yield* Fiber.join(target)).security?._tag, "Plaintext")
    }))
})
