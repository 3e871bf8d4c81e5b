import type * as net from "node:net"
import { type PeerCertificate, TLSSocket } from "node:tls"

import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

import type { Security, TlsMaterial } from "../../../layers/gnoi/credentials.ts"
import type { Target } from "../../../layers/gnoi/wire.ts"
import type { ServerTls } from "../../../layers/npu-sim/server/credentials.ts"
import { type Certified, ephemeral } from "../../../layers/npu-sim/server/x509.ts"
import type { WireService } from "../../../src/npu/wire.ts"
import { authority, expired, made, notYetValid } from "../certificates/support.ts"
import { world } from "../npu-sim/world.ts"
import { listen, serve, wireTo } from "./support.ts"

const time = (wire: WireService) => wire.unary("Time", {}, Duration.seconds(10))
const ca = authority()
const npu = made({ name: "npu", hosts: ["127.0.0.1", "npu.test"], issuer: ca })
const dpu = made({ name: "dpu0", issuer: ca })
const mutual = (own: Certified): TlsMaterial => ({ ca: ca.certificate, certificate: own.certificate, key: own.key })

const secure = (material: TlsMaterial, more: Partial<Extract<Security, { _tag: "Tls" }>> = {}): Security => ({
  _tag: "Tls",
  material: () => material,
  verify: true,
  ...more
})

/** The port of a server with this TLS. */
const serving = (tls: ServerTls) => Effect.map(world({ server: { tls } }), ({ server }) => server.listener.port)

/** What a call over a new connection comes to: `OK`, or fault and message. */
const outcome = (port: number, security?: Security) =>
  Effect.scoped(Effect.gen(function*() {
    const wire = yield* wireTo(port, security === undefined ? {} : { security })
    const result = yield* Effect.either(time(wire))
    return result._tag === "Right" ? "OK" : `${result.left.fault}: ${result.left.details}`
  }))

describe("TLS towards the NPU", () => {
  it.scopedLive("verifies the NPU by authority and name; the name can be another than the host's", () =>
    Effect.gen(function*() {
      const port = yield* serving({ material: npu, clientAuth: false })
      assert.strictEqual(yield* outcome(port, secure({ ca: ca.certificate })), "OK")
      assert.strictEqual(yield* outcome(port, secure({ ca: ca.certificate }, { serverName: "npu.test" })), "OK")
      assert.match(
        yield* outcome(port, secure({ ca: ca.certificate }, { serverName: "other.test" })),
        /^TlsNameMismatch: the NPU's certificate \(npu\) is for .*npu\.test.*, not for other\.test$/
      )
      assert.match(
        yield* outcome(port, secure({ ca: authority("another").certificate })),
        /^TlsUntrusted: the NPU's certificate \(npu\) is signed by nobody that is trusted here/
      )
    }))

  it.scopedLive("is mutual where the NPU demands it", () =>
    Effect.gen(function*() {
      const port = yield* serving({ material: { ...npu, ca: ca.certificate }, clientAuth: true })
      assert.strictEqual(yield* outcome(port, secure(mutual(dpu))), "OK")
      assert.match(
        yield* outcome(port, secure({ ca: ca.certificate })),
        /^ClientCertificateRefused: the NPU does not accept our certificate \(certificate required\)$/
      )
      const stranger = made({ name: "stranger", issuer: authority("another") })
      assert.match(yield* outcome(port, secure(mutual(stranger))), /^ClientCertificateRefused: /)
    }))

  it.scopedLive("that is reset right after the handshake says nothing of our certificate", () =>
    Effect.gen(function*() {
      const { port } = yield* listen((socket) => {
        const tls = new TLSSocket(socket, { isServer: true, cert: npu.certificate, key: npu.key })
        tls.on("error", () => undefined)
        tls.once("secure", () => void socket.resetAndDestroy())
      })
      assert.match(yield* outcome(port, secure(mutual(dpu))), /^ConnectionLost: /)
    }))

  it.scopedLive("tells expired from not yet valid, with the times and the clock's", () =>
    Effect.gen(function*() {
      const old = yield* serving({
        material: made({ name: "npu", hosts: ["127.0.0.1"], issuer: ca, ...expired }),
        clientAuth: false
      })
      assert.match(
        yield* outcome(old, secure({ ca: ca.certificate })),
        /^CertificateExpired: the NPU's certificate \(npu\) expired at 2\d{3}-.*Z, and this clock says 2\d{3}-.*Z$/
      )
      const early = yield* serving({
        material: made({ name: "npu", hosts: ["127.0.0.1"], issuer: ca, ...notYetValid }),
        clientAuth: false
      })
      assert.match(
        yield* outcome(early, secure({ ca: ca.certificate })),
        /^CertificateNotYetValid: .* is not valid before 2.*the clock of this DPU or of the NPU may have drifted$/
      )
    }))

  it.scopedLive("takes an ephemeral certificate only where that is said", () =>
    Effect.gen(function*() {
      const port = yield* serving({ material: ephemeral("127.0.0.1", Date.now()), clientAuth: false })
      assert.match(yield* outcome(port, secure({})), /^TlsUntrusted: /)
      assert.strictEqual(yield* outcome(port, secure({}, { verify: false })), "OK")
    }))

  it.scopedLive("and plaintext do not meet, and each side's mistake is told", () =>
    Effect.gen(function*() {
      const port = yield* serving({ material: npu, clientAuth: false })
      assert.match(yield* outcome(port), /^(NotHttp2|ConnectionLost): /)
      const plain = yield* serve({})
      assert.match(yield* outcome(plain.port, secure({ ca: ca.certificate })), /^TlsNotSpoken: .*set to plaintext$/)
    }))

  it.scopedLive("is not tried without certificates that can be used", () =>
    Effect.gen(function*() {
      const port = yield* serving({ material: npu, clientAuth: false })
      const security: Security = { _tag: "Tls", material: () => ({ unusable: "the key is lost" }), verify: true }
      assert.strictEqual(yield* outcome(port, security), "OwnCertificateUnusable: the key is lost")
    }))

  it.scopedLive("with renewed certificates begins with a new connection, and no call fails", () =>
    Effect.gen(function*() {
      const presented: Array<string> = []
      const port = yield* serving({
        material: { ...npu, ca: ca.certificate },
        clientAuth: true,
        onHandshake: (socket) => void presented.push(String(socket.getPeerCertificate().subject.CN))
      })
      let own = mutual(dpu)
      const seen: Array<PeerCertificate> = []
      const security: Security = {
        _tag: "Tls",
        material: () => own,
        verify: true,
        onHandshake: (peer) => void seen.push(peer)
      }
      const moves = yield* Queue.unbounded<Target>()
      const wire = yield* wireTo(port, { security, moves: Stream.fromQueue(moves) })
      yield* time(wire)
      own = mutual(made({ name: "dpu0, renewed", issuer: ca }))
      yield* Queue.offer(moves, { host: "127.0.0.1", port, security })
      yield* Effect.repeat(time(wire), { until: () => presented.length > 1 })
      assert.deepStrictEqual(presented, ["dpu0", "dpu0, renewed"])
      assert.strictEqual(seen.length, 2)
    }))

  it.scopedLive("that a peer accepts and never answers ends at the limit, and its socket with it", () =>
    Effect.gen(function*() {
      const silent = yield* listen((socket) => socket.resume())
      const wire = yield* wireTo(silent.port, { security: secure({ ca: ca.certificate }), connectTimeout: 50 })
      const error = yield* Effect.flip(time(wire))
      assert.strictEqual(error.fault, "NoSettings")
      assert.strictEqual(error.details, "the connection was accepted, but no TLS came within 50 ms")
    }))
})

describe("a change of address", () => {
  it.scopedLive("is followed", () =>
    Effect.gen(function*() {
      const answering = (value: string) =>
        serve({
          Time: (_call: unknown, reply: (error: null, value: { time: string }) => void) => reply(null, { time: value })
        })
      const [here, there] = [yield* answering("1"), yield* answering("2")]
      const moves = yield* Queue.unbounded<Target>()
      const wire = yield* wireTo(here.port, { moves: Stream.fromQueue(moves) })
      assert.strictEqual((yield* time(wire)).time, "1")
      yield* Queue.offer(moves, { host: "127.0.0.1", port: there.port })
      yield* Effect.repeat(time(wire), { until: (answer) => answer.time === "2" })
      assert.strictEqual(wire.endpoint, `127.0.0.1:${there.port}`)
    }))
})

describe("a peer that speaks", () => {
  it.scopedLive("and never comes to its SETTINGS ends at the limit", () =>
    Effect.gen(function*() {
      const talking = yield* listen((socket: net.Socket) => {
        socket.resume()
        // Half of a frame's head: something was read, and nothing follows.
        socket.write(Buffer.from([0, 0, 6]))
      })
      const wire = yield* wireTo(talking.port, { connectTimeout: 50 })
      const error = yield* Effect.flip(time(wire))
      assert.strictEqual(error.fault, "NoSettings")
      assert.strictEqual(error.details, "the connection was accepted, but no HTTP/2 came within 50 ms")
    }))
})
