import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"

import { connect } from "./client.ts"
import { folder, world } from "./world.ts"

const missing = spawnSync("openssl", ["version"]).error !== undefined
if (missing) console.log("skipped: TLS of npu-sim: openssl is not installed")

/** A self-signed certificate for 127.0.0.1, which is its own authority. */
const certificate = (path: string) => {
  const [key, cert] = [join(path, "key.pem"), join(path, "cert.pem")]
  const made = spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=npu", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert]
  ])
  assert.strictEqual(made.status, 0, made.stderr.toString())
  return { key: readFileSync(key), certificate: readFileSync(cert) }
}

const status = (port: number, credentials: grpc.ChannelCredentials) =>
  Effect.acquireUseRelease(
    Effect.sync(() => connect(port, credentials)),
    (client) => Effect.promise(() => client.status("Time", {}, 3000)),
    (client) => Effect.sync(client.close)
  )

describe.skipIf(missing)("TLS", () => {
  it.scopedLive("serves who trusts its certificate, and nobody in plain text", () =>
    Effect.gen(function*() {
      const tls = certificate(yield* folder)
      const { server } = yield* world({ server: { tls } })
      const { port } = server.listener
      assert.strictEqual(yield* status(port, grpc.credentials.createSsl(tls.certificate)), "OK")
      assert.strictEqual(yield* status(port, grpc.credentials.createInsecure()), "UNAVAILABLE")
    }))

  it.scopedLive("with an authority demands the client's certificate", () =>
    Effect.gen(function*() {
      const tls = certificate(yield* folder)
      const { server } = yield* world({ server: { tls: { ...tls, ca: tls.certificate } } })
      const { port } = server.listener
      const mutual = grpc.credentials.createSsl(tls.certificate, tls.key, tls.certificate)
      assert.strictEqual(yield* status(port, mutual), "OK")
      assert.strictEqual(yield* status(port, grpc.credentials.createSsl(tls.certificate)), "UNAVAILABLE")
    }))
})
