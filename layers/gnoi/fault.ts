/** Which fault an error of a connection is, by the codes of Node and OpenSSL. */
import type { PeerCertificate } from "node:tls"

import type { TransportFault } from "../../src/model/transport-fault.ts"

/** A connection that could not be made; `message` is a sentence for people. */
export class ConnectError extends Error {
  readonly fault: TransportFault

  constructor(fault: TransportFault, message: string) {
    super(message)
    this.fault = fault
  }
}

/** Of TCP. */
export const dialFault = (error: NodeJS.ErrnoException): ConnectError =>
  new ConnectError(dialFaults[error.code ?? ""] ?? "ConnectionLost", error.message)

const dialFaults: Readonly<Record<string, TransportFault>> = {
  ECONNREFUSED: "Refused",
  ENETUNREACH: "NoRoute",
  EHOSTUNREACH: "NoRoute",
  EHOSTDOWN: "NoRoute",
  ENETDOWN: "NoRoute",
  EADDRNOTAVAIL: "NoRoute",
  ETIMEDOUT: "TimedOut",
  ENOTFOUND: "NameNotFound",
  EAI_AGAIN: "NameNotFound"
}

/** Of the TLS connection, during the handshake or, for what the peer thinks of our certificate, right after it. */
export const tlsFault = (error: NodeJS.ErrnoException): ConnectError => {
  const code = error.code ?? ""
  if (/_ALERT_(?:CERTIFICATE_|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERT|ACCESS_DENIED)/.test(code)) {
    return new ConnectError(
      "ClientCertificateRefused",
      `the NPU does not accept our certificate (${alertText(code)})`
    )
  }
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE|RECORD_LAYER/.test(code)) {
    return new ConnectError("TlsNotSpoken", "what answers speaks no TLS; the NPU may be set to plaintext")
  }
  if (code === "ECONNRESET" || code === "EPIPE") {
    return new ConnectError("ConnectionLost", "the connection was reset during TLS")
  }
  return new ConnectError("TlsFailed", `TLS failed: ${error.message}`)
}

/** `ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED` → `certificate required`. */
const alertText = (code: string): string => code.replace(/^.*_ALERT_/, "").toLowerCase().replaceAll("_", " ")

/** Of the peer's certificate, which was sent and did not pass. */
export const peerCertificateFault = (code: string, peer: PeerCertificate, name: string): ConnectError => {
  const { subject, valid_from: from, valid_to: to } = peer
  const whose = `the NPU's certificate (${subject?.CN ?? "without a name"})`
  const clock = `this clock says ${new Date().toISOString()}`
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return new ConnectError("CertificateExpired", `${whose} expired at ${iso(to)}, and ${clock}`)
    case "CERT_NOT_YET_VALID":
      return new ConnectError(
        "CertificateNotYetValid",
        `${whose} is not valid before ${iso(from)}, and ${clock}: the clock of this DPU or of the NPU may have drifted`
      )
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return new ConnectError(
        "TlsNameMismatch",
        `${whose} is for ${peer.subjectaltname ?? subject?.CN ?? "nobody"}, not for ${name}`
      )
    default:
      return new ConnectError(
        "TlsUntrusted",
        `${whose} is signed by nobody that is trusted here (${code.toLowerCase().replaceAll("_", " ")})`
      )
  }
}

const iso = (text: string): string => {
  const moment = Date.parse(text)
  return Number.isNaN(moment) ? text : new Date(moment).toISOString()
}

/** Of HTTP/2's first words; `secure` where TLS came to its end before. */
export const greetingFault = (cause: unknown, secure: boolean): ConnectError => {
  if (cause instanceof ConnectError) return cause
  const text = cause instanceof Error ? cause.message : String(cause)
  // A server that checks certificates after TLS ended just closes then.
  if (secure && /Failed to connect|ECONNRESET|socket hang up|before starting HTTP\/2/.test(text)) {
    return new ConnectError(
      "ClientCertificateRefused",
      "the NPU closed the connection right after TLS, as a server does that does not accept our certificate"
    )
  }
  if (secure) return new ConnectError("NotHttp2", `what answers speaks no HTTP/2 (${withoutTime(text)})`)
  return /Protocol error|ERR_HTTP2|NGHTTP2|frame/i.test(text)
    ? new ConnectError("NotHttp2", "what answers speaks no HTTP/2 in plaintext; the NPU may want TLS")
    : new ConnectError("ConnectionLost", `the connection was closed before HTTP/2 began (${withoutTime(text)})`)
}

/** grpc-js adds the moment, which would make every failure look like a new one. */
const withoutTime = (text: string): string => text.replace(/ \(\d{4}-\d\d-\d\dT[^)]*\)$/, "")
