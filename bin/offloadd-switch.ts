/** Where the NPU is and how it is talked to, as the switch tells it, followed as it changes; flags win. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"

import * as CertificateFiles from "../layers/certificates/files.ts"
import { plaintext, type Security } from "../layers/gnoi/credentials.ts"
import type { Target } from "../layers/gnoi/wire.ts"
import type { ConfigReading } from "../layers/sonic/config-db.ts"
import { gnmiRows } from "../layers/sonic/config-db.ts"
import { defaultPort, type GnmiSettings, settingsOf } from "../layers/sonic/gnmi-settings.ts"
import { npuAddress } from "../layers/sonic/npu-address.ts"
import type { EventBody } from "../src/model/event.ts"

export interface SwitchOptions {
  /** Stands before every path that is read, but for those that the switch names; "/" where nothing is said. */
  readonly root?: string
  /** What the command line says of TLS; it wins over the switch. */
  readonly security?: Security
  readonly insecure: boolean
  readonly serverName?: string
  readonly tell: (notice: EventBody) => void
  /** How often files and tables are looked at although nothing was heard of them. */
  readonly resync?: CertificateFiles.FollowOptions["period"]
}

export interface SwitchTarget {
  /** Until the switch was read: it says why there is no connection. */
  readonly first: Target
  /** The target each time that something of it changed; certificates that were renewed count. */
  readonly moves: Stream.Stream<Target>
}

export const switchTarget = (options: SwitchOptions): Effect.Effect<SwitchTarget> =>
  Effect.gen(function*() {
    const root = options.root === undefined ? {} : { root: options.root }
    const resync = options.resync ?? "30 seconds"
    let waitingFor = "the switch's CONFIG_DB has not been read yet"
    let known = false
    const { address } = yield* npuAddress(root)

    const understood = (reading: ConfigReading): ReadonlyArray<GnmiSettings> => {
      if (reading._tag === "Rows") {
        known = true
        const settings = settingsOf(reading.rows)
        for (const fault of settings.faults) options.tell({ ...unclear, message: `${fault}.` })
        return [settings]
      }
      waitingFor = reading.reason
      options.tell({
        ...unclear,
        message: `The switch does not tell how its gNOI server is set up: ${reading.reason}; ${
          known ? "what it said before stays in use" : "no connection is made until it does"
        }.`
      })
      return []
    }

    const addresses = Stream.repeatEffectWithSchedule(npuAddress(root), Schedule.spaced(resync)).pipe(
      Stream.map((found) => found.address),
      Stream.changes
    )
    const settings = Stream.mapConcat(
      gnmiRows({ ...root, resync, client: () => import("../layers/sonic/redis.ts") }),
      understood
    )
    const moves = Stream.zipLatest(addresses, settings).pipe(
      Stream.tap(([host, { port, tls }]) =>
        Effect.sync(() =>
          options.tell({
            severity: "notice",
            reason: "NpuSettings",
            message: `The switch says that the NPU's gNOI server is at ${host}, port ${port}, in ${
              tls === undefined ? "plaintext" : "TLS"
            }.`
          })
        )
      ),
      Stream.flatMap(
        ([host, settings]) =>
          Stream.map(securities(options, settings), (security): Target => ({ host, port: settings.port, security })),
        { switch: true }
      )
    )
    return {
      first: {
        host: address,
        port: defaultPort,
        security: { _tag: "NotKnown", reason: () => waitingFor }
      },
      moves
    }
  })

const unclear = { severity: "warning", reason: "NpuSettingsUnclear" } as const

/** The security now, and again each time that its certificates were renewed. */
const securities = (options: SwitchOptions, { tls }: GnmiSettings): Stream.Stream<Security> => {
  if (options.security !== undefined) return Stream.succeed(options.security)
  if (tls === undefined && !options.insecure) return Stream.succeed(plaintext)
  const files = tls?.files ?? {}
  if (files.ca === undefined && !options.insecure) {
    return Stream.succeed<Security>({
      _tag: "NotKnown",
      reason: () =>
        "the switch names no authority for the NPU's certificate, which cannot be checked therefore; " +
        "--tls-ca names one, --tls-insecure takes the certificate all the same"
    })
  }
  return Stream.unwrapScoped(Effect.gen(function*() {
    const certificates = yield* CertificateFiles.followEventually(files, period(options))
    yield* Effect.forkScoped(
      Stream.runForEach(certificates.notices, (notice) => Effect.sync(() => options.tell(notice)))
    )
    const security: Security = {
      _tag: "Tls",
      material: () => {
        const material = certificates.current()
        const trouble = certificates.trouble()
        return Object.keys(material).length < Object.keys(files).length
          ? { unusable: trouble?.message ?? "the certificates have not been read yet" }
          : material
      },
      verify: !options.insecure,
      ...(options.serverName === undefined ? {} : { serverName: options.serverName })
    }
    return Stream.concat(Stream.succeed(security), Stream.as(certificates.renewals, security))
  }))
}

const period = ({ resync }: SwitchOptions): CertificateFiles.FollowOptions =>
  resync === undefined ? {} : { period: resync }
