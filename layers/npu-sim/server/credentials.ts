/** The server's side of TLS, with certificates that can be replaced while it serves. */
import type { TLSSocket } from "node:tls"

import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface ServerMaterial {
  /** PEM texts. */
  readonly certificate: string
  readonly key: string
  /** What clients' certificates are checked against. */
  readonly ca?: string
}

export interface ServerTls {
  readonly material: ServerMaterial
  /** Whether clients must show a certificate that `ca` signed; SONiC's `client_auth`. */
  readonly clientAuth: boolean
  /** Each is used for connections from then on. */
  readonly renewals?: Stream.Stream<ServerMaterial>
  /** Hears of each handshake that ended well. */
  readonly onHandshake?: (socket: TLSSocket) => void
}

/** Plaintext where nothing is said. */
export const credentialsOf = (
  tls: ServerTls | undefined
): Effect.Effect<grpc.ServerCredentials, never, Scope.Scope> =>
  Effect.gen(function*() {
    if (tls === undefined) return grpc.ServerCredentials.createInsecure()
    const credentials = new RenewableCredentials(tls)
    yield* Effect.forkScoped(
      Stream.runForEach(tls.renewals ?? Stream.empty, (material) => Effect.sync(() => credentials.renew(material)))
    )
    return credentials
  })

class RenewableCredentials extends grpc.ServerCredentials {
  constructor(tls: ServerTls) {
    super(
      { requestCert: tls.clientAuth, rejectUnauthorized: tls.clientAuth, minVersion: "TLSv1.2" },
      contextOf(tls.material)
    )
  }

  renew(material: ServerMaterial): void {
    this.updateSecureContextOptions(contextOf(material))
  }

  override _equals(other: grpc.ServerCredentials): boolean {
    return this === other
  }
}

const contextOf = ({ ca, certificate, key }: ServerMaterial) => ({
  cert: certificate,
  key,
  ...(ca === undefined ? {} : { ca })
})
