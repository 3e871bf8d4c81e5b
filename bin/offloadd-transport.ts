/** How offloadd talks to the NPU: where, in which security, with which credentials. Flags win over the switch. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import * as CertificateFiles from "../layers/certificates/files.ts"
import { fromFile } from "../layers/gnoi/account.ts"
import { plaintext, type Security } from "../layers/gnoi/credentials.ts"
import type * as Gnoi from "../layers/gnoi/wire.ts"
import { type DaemonOptions, parseAddress, UsageError } from "../layers/options/daemon-options.ts"
import type { EventBody } from "../src/model/event.ts"
import type { Policy } from "../src/policy/policy.ts"
import { switchTarget } from "./offloadd-switch.ts"

export interface Transport {
  readonly options: Gnoi.Options
  /** Where the NPU is now. */
  readonly host: () => string
  /** For the log. */
  readonly described: string
  readonly notices: Stream.Stream<EventBody>
}

/** Files and tables are followed until the scope closes. */
export const transportOf = (
  options: DaemonOptions,
  connection: Policy["connection"]
): Effect.Effect<Transport, UsageError, Scope.Scope> =>
  Effect.gen(function*() {
    const notices = yield* PubSub.sliding<EventBody>({ capacity: 64, replay: 16 })
    const tell = (notice: EventBody): void => void notices.unsafeOffer(notice)
    const { first, moves } = yield* targetOf(options, tell)
    const metadata = yield* metadataOf(options, first.security ?? plaintext, tell)
    const { base, cap, keepalive, keepaliveTimeout, timeout } = connection
    let host = first.host
    return {
      host: () => host,
      options: {
        ...first,
        moves: Stream.tap(moves, (target) =>
          Effect.sync(() => {
            host = target.host
          })),
        connectTimeout: timeout,
        reconnect: { initial: base, maximum: cap },
        ...(keepalive === 0 ? {} : { keepalive: { time: keepalive, timeout: keepaliveTimeout } }),
        onTooManyPings: () => tell(tooManyPings),
        ...(metadata === undefined ? {} : { metadata })
      },
      described: describe(first.security ?? plaintext, options),
      notices: Stream.fromPubSub(notices)
    }
  })

const tooManyPings: EventBody = {
  severity: "warning",
  reason: "TooManyPings",
  message: "The NPU closed the connection because of keepalive pings: they are off until the daemon starts anew. " +
    "Set connection.keepalive to 0ms in the policy."
}

const describe = (security: Security, options: DaemonOptions): string => {
  switch (security._tag) {
    case "Plaintext":
      return "plaintext"
    case "NotKnown":
      return "as the switch says"
    case "Tls":
      return !security.verify ? "TLS without verification" : options["tls-cert"] === undefined ? "TLS" : "mutual TLS"
  }
}

type Tell = (notice: EventBody) => void

interface Followed {
  readonly first: Gnoi.Target
  readonly moves: Stream.Stream<Gnoi.Target>
}

const targetOf = (options: DaemonOptions, tell: Tell): Effect.Effect<Followed, UsageError, Scope.Scope> =>
  Effect.gen(function*() {
    const wrong = wrongTogether(options)
    if (wrong !== undefined) return yield* new UsageError({ message: wrong })
    const given = yield* givenSecurity(options, tell)
    if (options.npu === undefined) {
      const serverName = options["tls-server-name"]
      const { first, moves } = yield* switchTarget({
        ...(given === undefined ? {} : { security: given.security }),
        insecure: options["tls-insecure"] === true,
        ...(serverName === undefined ? {} : { serverName }),
        tell
      })
      if (given === undefined) return { first, moves }
      // The switch tells where; a renewal of our own certificates moves to where that is now.
      let last = first
      return {
        first,
        moves: Stream.merge(
          Stream.tap(moves, (target) =>
            Effect.sync(() => {
              last = target
            })),
          Stream.map(given.renewals, () => last)
        )
      }
    }
    const address = yield* Either.mapLeft(
      parseAddress(options.npu),
      (reason) => new UsageError({ message: `--npu: ${reason}` })
    )
    const target = { ...address, security: given?.security ?? plaintext }
    return { first: target, moves: Stream.as(given?.renewals ?? Stream.never, target) }
  })

interface Given {
  readonly security: Security
  readonly renewals: Stream.Stream<unknown>
}

/** What the command line says of TLS; undefined where it leaves that to the switch, or to none. */
const givenSecurity = (options: DaemonOptions, tell: Tell): Effect.Effect<Given | undefined, UsageError, Scope.Scope> =>
  Effect.gen(function*() {
    const { "tls-ca": ca, "tls-cert": certificate, "tls-insecure": insecure, "tls-key": key } = options
    if (options.plaintext === true) return { security: plaintext, renewals: Stream.never }
    // On a switch, --tls-insecure alone only says what to make of the switch's own settings.
    const whole = ca !== undefined || certificate !== undefined || (insecure === true && options.npu !== undefined)
    if (!whole) return undefined
    const files = {
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { certificate }),
      ...(key === undefined ? {} : { key })
    }
    const certificates = yield* Effect.mapError(
      CertificateFiles.follow(files),
      (error) => new UsageError({ message: `TLS cannot be set up: ${error.message}` })
    )
    yield* Effect.forkScoped(Stream.runForEach(certificates.notices, (notice) => Effect.sync(() => tell(notice))))
    const serverName = options["tls-server-name"]
    return {
      renewals: certificates.renewals,
      security: {
        _tag: "Tls",
        material: certificates.current,
        verify: insecure !== true,
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
  const rests = certificate !== undefined || options.npu !== undefined
  if (tls !== undefined && ca === undefined && insecure === undefined && rests) {
    return `--${tls} needs --tls-ca, or --tls-insecure where the NPU's certificate cannot be checked`
  }
  return undefined
}

const metadataOf = (options: DaemonOptions, security: Security, tell: Tell) =>
  Effect.gen(function*() {
    const path = options.credentials
    if (path === undefined) return undefined
    if (security._tag === "Plaintext") {
      return yield* new UsageError({
        message: "--credentials needs TLS: in plaintext everybody on the way could read them"
      })
    }
    const account = yield* Either.mapLeft(
      fromFile(path, ({ message, taken }) =>
        tell({
          severity: taken ? "notice" : "warning",
          reason: taken ? "CredentialsRenewed" : "CredentialsRejected",
          message
        })),
      (error) => new UsageError({ message: error.message })
    )
    if (account.exposed !== undefined) {
      tell({ severity: "warning", reason: "CredentialsExposed", message: `${account.exposed}.` })
    }
    return account.metadata
  })
