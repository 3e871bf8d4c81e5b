/** What is wrong between the daemon and the NPU's gNOI server, one word each, for programs and for tables of cures. */
import * as Schema from "effect/Schema"

export const TransportFault = Schema.Literal(
  /** Nobody listens on the port. */
  "Refused",
  /** The network knows no way to the address. */
  "NoRoute",
  /** The host's name cannot be resolved. */
  "NameNotFound",
  /** TCP was not answered: a black hole, or a machine that is down. */
  "TimedOut",
  /** TCP was accepted, and then neither TLS nor HTTP/2 came to its first word. */
  "NoSettings",
  /** The connection stands, and a call was not answered in time. */
  "NoAnswer",
  /** The connection broke, or broke off while it was being made. */
  "ConnectionLost",
  /** What answers speaks no HTTP/2 without TLS; it may want TLS. */
  "NotHttp2",
  /** What answers speaks HTTP/2 and no gRPC. */
  "NotGrpc",
  /** What answers speaks no TLS; it may be in plaintext. */
  "TlsNotSpoken",
  /** TLS failed in another way. */
  "TlsFailed",
  /** The NPU's certificate is signed by nobody we trust. */
  "TlsUntrusted",
  /** The NPU's certificate is for another name. */
  "TlsNameMismatch",
  /** The NPU's certificate has expired, by this clock. */
  "CertificateExpired",
  /** The NPU's certificate is not valid yet, by this clock. */
  "CertificateNotYetValid",
  /** The NPU does not accept our certificate, or misses it. */
  "ClientCertificateRefused",
  /** The switch has not said yet how its gNOI server is set up, or what it says cannot be done safely. */
  "NotConfigured",
  /** Our own certificate files cannot be used, so that no connection is tried. */
  "OwnCertificateUnusable",
  /** The NPU does not accept user name and password, or token. */
  "Unauthenticated",
  /** The NPU closed the connection because of keepalive pings. */
  "TooManyPings"
)
export type TransportFault = typeof TransportFault.Type
