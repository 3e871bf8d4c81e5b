import { assert, describe, it } from "@effect/vitest"

import { settingsOf } from "../../../layers/sonic/gnmi-settings.ts"

const files = { ca_crt: "/etc/ca", server_crt: "/etc/crt", server_key: "/etc/key" }
const all = { ca: "/etc/ca", certificate: "/etc/crt", key: "/etc/key" }
const of = (rows: Partial<Parameters<typeof settingsOf>[0]>) => settingsOf({ gnmi: {}, certs: {}, x509: {}, ...rows })

describe("what CONFIG_DB says of the gNOI server", () => {
  it("is port 8080 in plaintext where it says nothing", () => {
    assert.deepStrictEqual(of({}), { port: 8080, tls: undefined, faults: [] })
  })

  it("is mutual TLS with the switch's own certificate, unless clients need none", () => {
    assert.deepStrictEqual(of({ gnmi: { port: "50052" }, certs: files }), {
      port: 50_052,
      tls: { files: all },
      faults: []
    })
    assert.deepStrictEqual(of({ gnmi: { client_auth: "true" }, certs: files }).tls, { files: all })
    assert.deepStrictEqual(of({ gnmi: { client_auth: "false" }, certs: files }).tls, { files: { ca: "/etc/ca" } })
  })

  it("is told by the legacy place where the other has no row", () => {
    assert.deepStrictEqual(of({ x509: files }).tls, { files: all })
    assert.deepStrictEqual(of({ certs: { ca_crt: "/other" }, x509: files }).tls, { files: { ca: "/other" } })
  })

  it("is an ephemeral certificate where the row names no files", () => {
    assert.deepStrictEqual(of({ certs: { ca_crt: "", server_crt: "", server_key: "" } }).tls, { files: {} })
  })

  it("is passed over, and told, where it makes no sense", () => {
    for (const port of ["0", "65536", "http", "1.5", ""]) {
      const { faults, port: taken } = of({ gnmi: { port } })
      assert.strictEqual(taken, 8080)
      assert.match(faults.join(), /the port of GNMI\|gnmi, .* is none; 8080 is taken/)
    }
    const { faults, tls } = of({ certs: { ca_crt: "/ca", server_crt: "/crt" } })
    assert.deepStrictEqual(tls, { files: { ca: "/ca" } })
    assert.strictEqual(faults.length, 1)
  })
})
