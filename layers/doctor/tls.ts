/** TLS with the NPU: whose certificate it shows, for which name, until when, signed by whom; and what it says of ours. */
import { X509Certificate } from "node:crypto"
import { isIP } from "node:net"
import * as tls from "node:tls"

import * as Effect from "effect/Effect"

import type { Finding } from "../../src/cli/doctor.ts"
import { failure, ok, patience, warning, within } from "./finding.ts"
import type { Place } from "./road.ts"

export interface TlsOptions {
  readonly material: { readonly ca?: string; readonly certificate?: string; readonly key?: string }
  /** The name that the NPU's certificate must be for. */
  readonly name: string
  readonly verify: boolean
}

const check = "TLS"
/** A server of HTTP/2 speaks first; one that has not spoken after so many milliseconds will not. */
const quiet = 1000
const day = 86_400_000
/** Days before the end at which a certificate is worth a warning. */
const soon = 14

export const security = (place: Place, options: TlsOptions, now: number): Effect.Effect<Finding> =>
  Effect.async<Finding>((resume) => {
    const { ca, certificate: cert, key } = options.material
    const socket = tls.connect({
      host: place.host,
      port: place.port,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      minVersion: "TLSv1.2",
      ALPNProtocols: ["h2"],
      servername: isIP(options.name) === 0 ? options.name : "",
      checkServerIdentity: (_, peer) => tls.checkServerIdentity(options.name, peer),
      rejectUnauthorized: false
    })
    const end = (finding: Finding): void => {
      socket.destroy()
      resume(Effect.succeed(finding))
    }
    socket.once("secureConnect", () => {
      const found = judge(socket, options, now)
      // What the NPU thinks of our certificate comes right after the handshake, if at all.
      if (found.verdict === "failure") return end(found)
      socket.once("data", () => end(found))
      setTimeout(() => end(found), quiet).unref()
    })
    socket.once("error", (error: NodeJS.ErrnoException) => end(refused(error)))
    return Effect.sync(() => socket.destroy())
  }).pipe(within(() =>
    failure(
      check,
      `the NPU says nothing of TLS within ${patience / 1000} s`,
      "see whether its server hangs; restart it"
    )
  ))

const refused = (error: NodeJS.ErrnoException): Finding => {
  const code = error.code ?? error.message
  if (/_ALERT_/.test(code)) {
    return failure(
      check,
      `the NPU does not accept our certificate (${code})`,
      "give a certificate that the NPU's authorities have signed: --tls-cert and --tls-key"
    )
  }
  return /WRONG_VERSION_NUMBER|PACKET_LENGTH|UNEXPECTED_MESSAGE|RECORD_LAYER|HTTP_REQUEST/.test(code)
    ? failure(check, "what answers speaks no TLS", "leave the --tls options out, or give --plaintext")
    : failure(check, `the handshake failed (${code})`, "see the NPU's server log; compare its certificates with ours")
}

const judge = (socket: tls.TLSSocket, { material, name, verify }: TlsOptions, now: number): Finding => {
  const peer = socket.getPeerCertificate(true)
  const who = `the NPU's certificate (${String(peer.subject?.CN ?? "without a name")})`
  const until = Date.parse(peer.valid_to)
  const from = Date.parse(peer.valid_from)
  const says = `${socket.getProtocol() ?? "TLS"}, ${who} for ${
    peer.subjectaltname ?? peer.subject?.CN ?? "nobody"
  }, valid until ${iso(until)}, signed by ${chain(peer)}`
  const error = socket.authorized ? "" : String(socket.authorizationError)
  if (verify && error !== "") return untrusted(error, { who, says, name, from, until, now })
  const own = ownDays(material.certificate, now)
  if (own !== undefined && own < soon) {
    return warning(check, `${says}; our own certificate ends in ${own} days`, "renew our certificate: --tls-cert")
  }
  if (until - now < soon * day) {
    return warning(check, `${says}: it ends within ${soon} days`, "renew the NPU's certificate")
  }
  return verify ? ok(check, says) : warning(check, `${says}; it is not checked`, "give --tls-ca for --tls-insecure")
}

const untrusted = (
  error: string,
  { from, name, now, says, until, who }: {
    readonly who: string
    readonly says: string
    readonly name: string
    readonly from: number
    readonly until: number
    readonly now: number
  }
): Finding => {
  switch (error) {
    case "CERT_HAS_EXPIRED":
      return failure(
        check,
        `${who} expired at ${iso(until)}`,
        "renew it on the NPU; or set this DPU's clock, if it is wrong"
      )
    case "CERT_NOT_YET_VALID":
      return failure(
        check,
        `${who} is not valid before ${iso(from)}, and this clock says ${iso(now)}`,
        "set the clocks of DPU and NPU: chronyc tracking"
      )
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return failure(
        check,
        `${says}, and not for ${name}`,
        "name the one that it is for in --tls-server-name, or have one issued for this address"
      )
    default:
      return failure(
        check,
        `${says}, whom nobody here trusts (${error})`,
        "give the authority that signed it in --tls-ca; for an ephemeral certificate there is --tls-insecure"
      )
  }
}

/** From the certificate up, as far as it was sent or is known. */
const chain = (peer: tls.DetailedPeerCertificate): string => {
  const names: Array<string> = []
  for (let at = peer; names.length < 8;) {
    names.push(String(at.issuer?.CN ?? at.issuer?.O ?? "somebody without a name"))
    const next = at.issuerCertificate
    if (next === undefined || next === at || next.fingerprint256 === at.fingerprint256) break
    at = next
  }
  return [...new Set(names)].join(", signed by ")
}

/** Whole days until ours ends; undefined where there is none. */
const ownDays = (certificate: string | undefined, now: number): number | undefined =>
  certificate === undefined ? undefined : Math.floor((Date.parse(new X509Certificate(certificate).validTo) - now) / day)

const iso = (moment: number): string => Number.isNaN(moment) ? "an unknown time" : new Date(moment).toISOString()
