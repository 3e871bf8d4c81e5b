/** HTTP/2: whether what accepts connections speaks it, which its settings frame shows. */
import { connect, type Settings } from "node:http2"

import * as Effect from "effect/Effect"

import type { Finding } from "../../src/cli/doctor.ts"
import { failure, ok, patience, within } from "./finding.ts"
import type { Place } from "./road.ts"
import type { TlsOptions } from "./tls.ts"

const check = "HTTP/2"

export const settings = ({ host, port }: Place, tls: TlsOptions | undefined): Effect.Effect<Finding> =>
  Effect.async<Finding>((resume) => {
    const where = `${host.includes(":") ? `[${host}]` : host}:${port}`
    const session = tls === undefined ? connect(`http://${where}`) : connect(`https://${where}`, {
      ...(tls.material.ca === undefined ? {} : { ca: tls.material.ca }),
      ...(tls.material.certificate === undefined ? {} : { cert: tls.material.certificate }),
      ...(tls.material.key === undefined ? {} : { key: tls.material.key }),
      // Whose certificate it is was judged before.
      rejectUnauthorized: false
    })
    const end = (finding: Finding): void => {
      session.destroy()
      resume(Effect.succeed(finding))
    }
    session.once("remoteSettings", (remote) => end(ok(check, described(remote))))
    session.on(
      "error",
      (error: NodeJS.ErrnoException) => end(wrong(`it breaks off (${error.code ?? error.message})`, tls))
    )
    session.once("close", () => end(wrong("it closes the connection without a word of HTTP/2", tls)))
    return Effect.sync(() => session.destroy())
  }).pipe(within(() => wrong(`it sends no settings within ${patience / 1000} s`, tls)))

const wrong = (what: string, tls: TlsOptions | undefined): Finding =>
  failure(
    check,
    `what answers is no gRPC server: ${what}`,
    tls === undefined
      ? "if the NPU's server has TLS, give --tls-ca; else see that the port is the gNOI server's and that it does not hang"
      : "see that the port is the gNOI server's and that it does not hang"
  )

const described = (remote: Settings): string =>
  `settings received: ${
    remote.maxConcurrentStreams === undefined || remote.maxConcurrentStreams > 2 ** 31
      ? "any number of"
      : remote.maxConcurrentStreams
  } streams, window ${remote.initialWindowSize ?? 65_535} bytes, frames up to ${remote.maxFrameSize ?? 16_384} bytes`
