/**
 * TLS towards the NPU. Each connection is made with the certificates that are in
 * force at that moment, and what goes wrong is told by name: grpc-js would keep
 * one secure context for a channel, and hand on OpenSSL's words.
 */
import type { Socket } from "node:net"
import { isIP } from "node:net"
import * as tls from "node:tls"

import * as grpc from "@grpc/grpc-js"

import { ConnectError, peerCertificateFault, tlsFault } from "./fault.ts"

/** PEM texts; `certificate` and `key` go together and make TLS mutual. */
export interface TlsMaterial {
  /** The system's authorities without it. */
  readonly ca?: string
  readonly certificate?: string
  readonly key?: string
}

export type Security =
  | { readonly _tag: "Plaintext" }
  | {
    readonly _tag: "Tls"
    /** What is in force; asked for each connection. A sentence where there is none. */
    readonly material: () => TlsMaterial | { readonly unusable: string }
    /** The name that the NPU's certificate must be for; its host name or address where nothing is said. */
    readonly serverName?: string
    /** Whether the NPU's certificate is checked at all. */
    readonly verify: boolean
    /** Hears of each handshake that ended well. */
    readonly onHandshake?: (peer: tls.PeerCertificate) => void
  }

export const plaintext: Security = { _tag: "Plaintext" }

/** For a channel to this host. */
export const credentialsFor = (security: Security, host: string): grpc.ChannelCredentials =>
  security._tag === "Plaintext" ? grpc.credentials.createInsecure() : new TlsCredentials(security, host)

type Tls = Extract<Security, { _tag: "Tls" }>
type SecureConnector = ReturnType<grpc.ChannelCredentials["_createSecureConnector"]>

class TlsCredentials extends grpc.ChannelCredentials {
  readonly #security: Tls
  readonly #host: string

  constructor(security: Tls, host: string) {
    super()
    this.#security = security
    this.#host = host
  }

  override _isSecure(): boolean {
    return true
  }

  override _equals(other: grpc.ChannelCredentials): boolean {
    return this === other
  }

  override _createSecureConnector(
    ...[, , callCredentials]: Parameters<grpc.ChannelCredentials["_createSecureConnector"]>
  ): SecureConnector {
    return {
      connect: async (socket) => ({ socket: await secured(this.#security, this.#host, socket), secure: true }),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials ?? grpc.CallCredentials.createEmpty(),
      destroy: () => {}
    }
  }
}

const secured = (security: Tls, host: string, socket: Socket): Promise<tls.TLSSocket> =>
  new Promise((resolve, reject) => {
    const material = security.material()
    if ("unusable" in material) {
      return reject(new ConnectError("OwnCertificateUnusable", material.unusable))
    }
    const name = security.serverName ?? host
    const secure = tls.connect({
      socket,
      secureContext: contextOf(material),
      minVersion: "TLSv1.2",
      ALPNProtocols: ["h2"],
      // A name only: addresses are not permitted there.
      servername: isIP(name) === 0 ? name : "",
      checkServerIdentity: (_, certificate) => tls.checkServerIdentity(name, certificate),
      // Judged below, where the certificate is at hand to be named.
      rejectUnauthorized: false
    }, () => {
      const peer = secure.getPeerCertificate()
      if (security.verify && !secure.authorized) {
        secure.destroy()
        return reject(peerCertificateFault(String(secure.authorizationError), peer, name))
      }
      security.onHandshake?.(peer)
      resolve(secure)
    })
    secure.once("error", (error) => reject(tlsFault(error)))
    secure.once("close", () => reject(new ConnectError("ConnectionLost", "the connection was closed during TLS")))
  })

/** The last one made: it is the same for every connection until the certificates change. */
let last: { readonly material: TlsMaterial; readonly context: tls.SecureContext } | undefined

const contextOf = (material: TlsMaterial): tls.SecureContext => {
  if (last?.material !== material) {
    const { ca, certificate: cert, key } = material
    last = { material, context: tls.createSecureContext({ ca, cert, key, minVersion: "TLSv1.2" }) }
  }
  return last.context
}
