import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { settings } from "../../../layers/doctor/http2.ts"
import { security, type TlsOptions } from "../../../layers/doctor/tls.ts"
import type { Certified } from "../../../layers/npu-sim/server/x509.ts"
import { authority, expired, made, notYetValid } from "../certificates/support.ts"
import { world } from "../npu-sim/world.ts"
import { accepting, found } from "./support.ts"

const ca = authority()
const day = 86_400_000
const longLived = { from: Date.now() - day, to: Date.now() + 300 * day }
const npu = (more = {}) => made({ name: "npu", hosts: ["127.0.0.1"], issuer: ca, ...longLived, ...more })

const asked = (port: number, more: Partial<TlsOptions> = {}) =>
  security(
    { host: "127.0.0.1", port },
    { material: { ca: ca.certificate }, name: "127.0.0.1", verify: true, ...more },
    Date.now()
  )

const serving = (own: Certified, clientAuth = false) =>
  Effect.map(
    world({ server: { tls: { material: { ...own, ca: ca.certificate }, clientAuth } } }),
    ({ server }) => server.listener.port
  )

describe("TLS", () => {
  it.scopedLive("names version, certificate, its end and who signed it", () =>
    Effect.gen(function*() {
      const port = yield* serving(npu())
      found(
        yield* asked(port),
        "ok",
        /^TLSv1\.3, the NPU's certificate \(npu\) for .*127\.0\.0\.1.*valid until .*test authority/
      )
    }))

  it.scopedLive("warns of what ends soon, and of what nobody checks", () =>
    Effect.gen(function*() {
      const soon = yield* serving(npu({ to: Date.now() + 3 * day }))
      found(yield* asked(soon), "warning", /ends within 14 days/)
      const port = yield* serving(npu())
      found(yield* asked(port, { verify: false, material: {} }), "warning", /it is not checked/)
      const ours = made({ name: "dpu0", issuer: ca })
      found(
        yield* asked(port, { material: { ca: ca.certificate, ...ours } }),
        "warning",
        /our own certificate ends in [01] days/
      )
    }))

  it.scopedLive("tells dates, name and chain apart", () =>
    Effect.gen(function*() {
      found(yield* asked(yield* serving(npu(expired))), "failure", /expired at/)
      found(yield* asked(yield* serving(npu(notYetValid))), "failure", /is not valid before/)
      found(yield* asked(yield* serving(npu({ hosts: ["10.0.0.9"] }))), "failure", /and not for 127\.0\.0\.1/)
      found(yield* asked(yield* serving(npu({ issuer: authority("another") }))), "failure", /whom nobody here trusts/)
    }))

  it.scopedLive("tells that the NPU wants another certificate of ours", () =>
    Effect.gen(function*() {
      const port = yield* serving(npu(), true)
      found(yield* asked(port), "failure", /does not accept our certificate/)
      const own = made({ name: "dpu0", issuer: ca, ...longLived })
      found(yield* asked(port, { material: { ca: ca.certificate, ...own } }), "ok", /TLS/)
    }))

  it.scopedLive("tells plaintext from TLS", () =>
    Effect.gen(function*() {
      const { server } = yield* world()
      found(yield* asked(server.listener.port), "failure", /speaks no TLS/)
    }))
})

describe("HTTP/2", () => {
  it.scopedLive("shows the server's settings, in plaintext and in TLS", () =>
    Effect.gen(function*() {
      const { server } = yield* world()
      found(yield* settings({ host: "127.0.0.1", port: server.listener.port }, undefined), "ok", /settings received/)
      const port = yield* serving(npu())
      const tls = { material: { ca: ca.certificate }, name: "127.0.0.1", verify: true }
      found(yield* settings({ host: "127.0.0.1", port }, tls), "ok", /settings received/)
    }))

  it.scopedLive("tells what is no gRPC server, and where TLS may be meant", () =>
    Effect.gen(function*() {
      const web = yield* accepting((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
      found(yield* settings({ host: "127.0.0.1", port: web }, undefined), "failure", /no gRPC server/)
      const closing = yield* accepting((socket) => socket.destroy())
      found(yield* settings({ host: "127.0.0.1", port: closing }, undefined), "failure", /no gRPC server/)
      const secured = yield* serving(npu())
      const { cure } = yield* settings({ host: "127.0.0.1", port: secured }, undefined)
      found({ check: "", verdict: "ok", message: cure ?? "" }, "ok", /give --tls-ca/)
    }))
})
