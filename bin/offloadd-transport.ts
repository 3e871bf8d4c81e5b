/** How offloadd talks to the NPU: where, in which security, with which credentials; from flags. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import * as CertificateFiles from "../layers/certificates/files.ts"
import { fromFile } from "../layers/gnoi/account.ts"
import { plaintext, type Security } from "../layers/gnoi/credentials.ts"
import type * as Gnoi from "../layers/gnoi/wire.ts"
import { type DaemonOptions, UsageError } from "../layers/options/daemon-options.ts"
import type { EventBody } from "../src/model/event.ts"
import type { Policy } from "../src/policy/policy.ts"

export interface Transport {
  readonly options: Gnoi.Options
  /** For the log. */
  readonly described: string
  readonly notices: Stream.Stream<EventBody>
}

/** Certificates are followed until the scope closes. */
export const transportOf = (
  options: DaemonOptions,
  address: { readonly host: string; readonly port: number },
  { base, cap, keepalive, keepaliveTimeout, timeout }: Policy["connection"]
): Effect.Effect<Transport, UsageError, Scope.Scope> =>
  Effect.gen(function*() {
    const { certificates, security } = yield* securityOf(options)
    const account = yield* accountOf(options, security)
    const own = yield* PubSub.sliding<EventBody>(1)
    return {
      options: {
        ...address,
        security,
        connectTimeout: timeout,
        reconnect: { initial: base, maximum: cap },
        ...(keepalive === 0 ? {} : { keepalive: { time: keepalive, timeout: keepaliveTimeout } }),
        onTooManyPings: () => void own.unsafeOffer(tooManyPings),
        ...(account === undefined ? {} : { metadata: account.metadata }),
        ...(certificates === undefined
          ? {}
          : { moves: Stream.map(certificates.renewals, () => ({ ...address, security })) })
      },
      described: describe(security, options),
      notices: Stream.mergeAll(
        [Stream.fromPubSub(own), certificates?.notices ?? Stream.never, account?.notices ?? Stream.never],
        { concurrency: "unbounded" }
      )
    }
  })

const tooManyPings: EventBody = {
  severity: "warning",
  reason: "TooManyPings",
  message: "The NPU closed the connection because of keepalive pings: they are off until the daemon starts anew. " +
    "Set connection.keepalive to 0ms in the policy."
}

const describe = (security: Security, options: DaemonOptions): string =>
  security._tag === "Plaintext"
    ? "plaintext"
    : !security.verify
    ? "TLS without verification"
    : options["tls-cert"] === undefined
    ? "TLS"
    : "mutual TLS"

interface Secured {
  readonly security: Security
  readonly certificates?: CertificateFiles.Certificates
}

const securityOf = (options: DaemonOptions): Effect.Effect<Secured, UsageError, Scope.Scope> =>
  Effect.gen(function*() {
    const { plaintext: plain, "tls-ca": ca, "tls-cert": certificate, "tls-key": key } = options
    const { "tls-insecure": insecure, "tls-server-name": serverName } = options
    const wrong = wrongTogether(options)
    if (wrong !== undefined) return yield* new UsageError({ message: wrong })
    if (plain === true || (ca === undefined && insecure === undefined)) return { security: plaintext }
    const files = {
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { certificate }),
      ...(key === undefined ? {} : { key })
    }
    const certificates = yield* Effect.mapError(
      CertificateFiles.follow(files),
      (error) => new UsageError({ message: `TLS cannot be set up: ${error.message}` })
    )
    return {
      certificates,
      security: {
        _tag: "Tls",
        material: certificates.current,
        verify: insecure === undefined,
        ...(serverName === undefined ? {} : { serverName })
      }
    }
  })

/** What of these options contradicts itself, in a sentence. */
const wrongTogether = (options: DaemonOptions): string | undefined => {
  const { plaintext: plain, "tls-ca": ca, "tls-cert": certificate, "tls-insecure": insecure, "tls-key": key } = options
  const tls = (["tls-ca", "tls-cert", "tls-key", "tls-server-name", "tls-insecure"] as const).find((name) =>
    options[name] !== undefined
  )
  if (plain !== undefined && tls !== undefined) return `--plaintext and --${tls} exclude each other`
  if (ca !== undefined && insecure !== undefined) return "--tls-ca and --tls-insecure exclude each other"
  if ((certificate === undefined) !== (key === undefined)) {
    return "--tls-cert and --tls-key go together: a certificate needs its key, and a key its certificate"
  }
  if (tls !== undefined && ca === undefined && insecure === undefined) {
    return `--${tls} needs --tls-ca, or --tls-insecure where the NPU's certificate cannot be checked`
  }
  return undefined
}

const accountOf = (options: DaemonOptions, security: Security) =>
  Effect.gen(function*() {
    const path = options.credentials
    if (path === undefined) return undefined
    if (security._tag === "Plaintext") {
      return yield* new UsageError({
        message: "--credentials needs TLS: in plaintext everybody on the way could read them"
      })
    }
    const changes = yield* PubSub.sliding<EventBody>({ capacity: 16, replay: 1 })
    const account = yield* Either.mapLeft(
      fromFile(path, ({ message, taken }) =>
        void changes.unsafeOffer({
          severity: taken ? "notice" : "warning",
          reason: taken ? "CredentialsRenewed" : "CredentialsRejected",
          message
        })),
      (error) => new UsageError({ message: error.message })
    )
    if (account.exposed !== undefined) {
      changes.unsafeOffer({ severity: "warning", reason: "CredentialsExposed", message: `${account.exposed}.` })
    }
    return { metadata: account.metadata, notices: Stream.fromPubSub(changes) }
  })
