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
  /** It is not known how the NPU is talked to, so it is not; the reason is a sentence. */
  | { readonly _tag: "NotKnown"; readonly reason: () => string }
  | {
    readonly _tag: "Tls"
    /** What is in force; asked for each connection. A sentence where there is none, and no connection is tried. */
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
  security._tag === "Plaintext" ? grpc.credentials.createInsecure() : new OurCredentials(security, host)

type Tls = Extract<Security, { _tag: "Tls" }>
type SecureConnector = ReturnType<grpc.ChannelCredentials["_createSecureConnector"]>

class OurCredentials extends grpc.ChannelCredentials {
  readonly #security: Exclude<Security, { _tag: "Plaintext" }>
  readonly #host: string

  constructor(security: Exclude<Security, { _tag: "Plaintext" }>, host: string) {
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
      // Before TCP: nobody is bothered with a connection that cannot come to anything.
      waitForReady: async () => void usable(this.#security),
      connect: async (socket) => ({ socket: await secured(usable(this.#security), this.#host, socket), secure: true }),
      getCallCredentials: () => callCredentials ?? grpc.CallCredentials.createEmpty(),
      destroy: () => {}
    }
  }
}

interface Usable {
  readonly security: Tls
  readonly material: TlsMaterial
}

const usable = (security: Exclude<Security, { _tag: "Plaintext" }>): Usable => {
  if (security._tag === "NotKnown") throw new ConnectError("NotConfigured", security.reason())
  const material = security.material()
  if ("unusable" in material) throw new ConnectError("OwnCertificateUnusable", material.unusable)
  return { security, material }
}

const secured = ({ material, security }: Usable, host: string, socket: Socket): Promise<tls.TLSSocket> =>
  new Promise((resolve, reject) => {
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
