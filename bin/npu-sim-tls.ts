/** npu-sim's TLS as its command line says it. */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import { follow } from "../layers/certificates/files.ts"
import type { Material } from "../layers/certificates/material.ts"
import type { ServerMaterial, ServerTls } from "../layers/npu-sim/server/credentials.ts"
import { ephemeral } from "../layers/npu-sim/server/x509.ts"

/** `message` is a sentence. */
class TlsUsageError extends Data.TaggedError("TlsUsageError")<{ readonly message: string }> {}

interface Given {
  readonly certificate: string | undefined
  readonly key: string | undefined
  readonly ca: string | undefined
  readonly clientAuth: "on" | "off" | undefined
  readonly ephemeral: boolean
  readonly host: string
}

/** Files are followed until the scope closes; what becomes of that is said on standard error. */
export const tlsOf = (given: Given): Effect.Effect<ServerTls | undefined, TlsUsageError, Scope.Scope> =>
  Effect.gen(function*() {
    const { ca, certificate, key } = given
    const usage = (message: string) => new TlsUsageError({ message })
    const clientAuth = given.clientAuth === undefined ? ca !== undefined : given.clientAuth === "on"
    if (given.ephemeral && (certificate !== undefined || key !== undefined)) {
      return yield* usage("--tls-ephemeral makes its own certificate: it takes no --tls-cert and no --tls-key")
    }
    if (clientAuth && ca === undefined) return yield* usage("--tls-client-auth on needs --tls-ca")
    if (!given.ephemeral && (certificate === undefined || key === undefined)) {
      if (certificate === undefined && key === undefined && ca === undefined && !clientAuth) return undefined
      return yield* usage("TLS needs both --tls-cert and --tls-key")
    }
    const files = {
      ...(ca === undefined ? {} : { ca }),
      ...(certificate === undefined ? {} : { certificate }),
      ...(key === undefined ? {} : { key })
    }
    const own = given.ephemeral ? ephemeral(given.host, yield* Clock.currentTimeMillis) : undefined
    const certificates = yield* Effect.mapError(follow(files), ({ message }) => usage(message))
    yield* Effect.forkScoped(
      Stream.runForEach(
        certificates.notices,
        ({ message }) => Effect.sync(() => process.stderr.write(`npu-sim: ${message}\n`))
      )
    )
    const whole = (material: Material) => ({ ...material, ...own }) as ServerMaterial
    return {
      material: whole(certificates.current()),
      clientAuth,
      renewals: Stream.map(certificates.renewals, () => whole(certificates.current()))
    }
  })
