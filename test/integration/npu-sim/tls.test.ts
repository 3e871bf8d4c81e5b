import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

import { type Certified, ephemeral } from "../../../layers/npu-sim/server/x509.ts"
import { authority, made } from "../certificates/support.ts"
import { connect } from "./client.ts"
import { world } from "./world.ts"

const ca = authority()
const own = made({ name: "npu", hosts: ["127.0.0.1"], issuer: ca })
const bytes = ({ certificate, key }: Certified) => [Buffer.from(key), Buffer.from(certificate)] as const
const trust = Buffer.from(ca.certificate)

const status = (port: number, credentials: grpc.ChannelCredentials) =>
  Effect.acquireUseRelease(
    Effect.sync(() => connect(port, credentials)),
    (client) => Effect.promise(() => client.status("Time", {}, 3000)),
    (client) => Effect.sync(client.close)
  )

describe("TLS", () => {
  it.scopedLive("serves who trusts its certificate, and nobody in plain text", () =>
    Effect.gen(function*() {
      const { server } = yield* world({ server: { tls: { material: own, clientAuth: false } } })
      const { port } = server.listener
      assert.strictEqual(yield* status(port, grpc.credentials.createSsl(trust)), "OK")
      assert.strictEqual(yield* status(port, grpc.credentials.createInsecure()), "UNAVAILABLE")
    }))

  it.scopedLive("with client authentication demands the client's certificate", () =>
    Effect.gen(function*() {
      const tls = { material: { ...own, ca: ca.certificate }, clientAuth: true }
      const { server } = yield* world({ server: { tls } })
      const { port } = server.listener
      const client = made({ name: "client", issuer: ca })
      assert.strictEqual(yield* status(port, grpc.credentials.createSsl(trust, ...bytes(client))), "OK")
      assert.strictEqual(yield* status(port, grpc.credentials.createSsl(trust)), "UNAVAILABLE")
      const stranger = made({ name: "stranger", issuer: authority("another") })
      assert.strictEqual(yield* status(port, grpc.credentials.createSsl(trust, ...bytes(stranger))), "UNAVAILABLE")
    }))

  it.scopedLive("without it takes clients with a certificate and without", () =>
    Effect.gen(function*() {
      const { server } = yield* world({
        server: { tls: { material: { ...own, ca: ca.certificate }, clientAuth: false } }
      })
      assert.strictEqual(yield* status(server.listener.port, grpc.credentials.createSsl(trust)), "OK")
    }))

  it.scopedLive("can be had with a certificate made at the start", () =>
    Effect.gen(function*() {
      const material = ephemeral("127.0.0.1", Date.now())
      const { server } = yield* world({ server: { tls: { material, clientAuth: false } } })
      const { port } = server.listener
      assert.strictEqual(yield* status(port, grpc.credentials.createSsl(trust)), "UNAVAILABLE", "nobody signed it")
      assert.strictEqual(yield* status(port, grpc.credentials.createSsl(Buffer.from(material.certificate))), "OK")
    }))

  it.scopedLive("presents renewed certificates to new connections", () =>
    Effect.gen(function*() {
      const renewals = yield* Queue.unbounded<Certified>()
      const other = authority("another")
      const { server } = yield* world({
        server: { tls: { material: own, clientAuth: false, renewals: Stream.fromQueue(renewals) } }
      })
      const { port } = server.listener
      yield* Queue.offer(renewals, made({ name: "npu", hosts: ["127.0.0.1"], issuer: other }))
      const renewed = grpc.credentials.createSsl(Buffer.from(other.certificate))
      yield* Effect.repeat(status(port, renewed), { until: (answer) => answer === "OK" })
      assert.strictEqual(yield* status(port, grpc.credentials.createSsl(trust)), "UNAVAILABLE")
    }))
})

describe("a lab's certificate", () => {
  it("is one that OpenSSL understands and verifies", ({ skip }) => {
    if (spawnSync("openssl", ["version"]).error !== undefined) skip("openssl is not installed")
    const at = mkdtempSync(join(tmpdir(), "npu-sim-x509-"))
    try {
      writeFileSync(join(at, "ca.pem"), ca.certificate)
      writeFileSync(join(at, "cert.pem"), own.certificate)
      const verified = spawnSync("openssl", [
        ...["verify", "-verify_ip", "127.0.0.1", "-CAfile", join(at, "ca.pem")],
        join(at, "cert.pem")
      ])
      assert.strictEqual(verified.status, 0, verified.stderr.toString())
    } finally {
      rmSync(at, { recursive: true })
    }
  })
})
