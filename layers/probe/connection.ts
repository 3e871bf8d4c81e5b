/** One connection for one probe, and what its failures say about the service. */
import { connect, type Socket } from "node:net"

import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import type { ProbeResult } from "../../src/health/prober.ts"
import { type Question, unhealthy } from "./answer.ts"

/**
 * Connects and asks; whoever has not answered after `timeout` is Unknown. Never
 * fails; the connection is gone when it ends, also when it is interrupted.
 */
export const overConnection = (
  target: { readonly host: string; readonly port: number },
  question: Question,
  timeout: Duration.Duration
): Effect.Effect<ProbeResult> =>
  Effect.async<ProbeResult>((resume) => {
    const at = `${target.host}:${target.port}`
    const socket = open(target)
    if (!("destroy" in socket)) return resume(Effect.succeed(judge(at, socket.cause)))
    const end = (): void => {
      clearTimeout(timer)
      socket.destroy()
    }
    const answered = (result: ProbeResult): void => {
      end()
      resume(Effect.succeed(result))
    }
    // A timer of Node's own: a race of two fibers for each probe took a thirteenth of what a daemon at rest takes.
    const timer = setTimeout(
      () => answered({ _tag: "Unknown", reason: `${at} did not answer within ${Duration.format(timeout)}` }),
      Duration.toMillis(timeout)
    )
    socket.on("error", (cause) => answered(judge(at, cause)))
    // An error is told before the close that follows from it. HTTP/2 takes the "end" for itself.
    socket.on("close", () => answered(unhealthy(`${at} closed the connection without an answer`)))
    socket.once("connect", () => {
      // Nobody listens, and the kernel chose the very port that is asked for as ours.
      const toItself = socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress
      if (toItself) answered(unhealthy(`${at} refused the connection`))
      else question(socket, answered)
    })
    return Effect.sync(end)
  })

const open = (target: { readonly host: string; readonly port: number }): Socket | { readonly cause: unknown } => {
  try {
    return connect({ host: target.host, port: target.port, noDelay: true })
  } catch (cause) {
    return { cause }
  }
}

/** The service's machine said no, or the road or this side failed. */
const judge = (at: string, cause: unknown): ProbeResult => {
  // Several addresses were tried: a refusal counts only where nothing else went wrong.
  const causes = cause instanceof AggregateError ? cause.errors : [cause]
  const codes = causes.map(codeOf)
  const said = codes.find((code) => refusals[code] === undefined)
  const code = said ?? codes[0] ?? ""
  const refusal = refusals[code]
  if (refusal !== undefined) return unhealthy(`${at} ${refusal}`)
  const failure = failures[code] ?? (cause instanceof Error ? cause.message : String(cause))
  return { _tag: "Unknown", reason: `${at} cannot be asked: ${failure}` }
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : ""

const refusals: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused the connection",
  ECONNRESET: "reset the connection",
  EPIPE: "closed the connection without an answer"
}

const failures: Readonly<Record<string, string>> = {
  EHOSTUNREACH: "there is no route to it (EHOSTUNREACH)",
  EHOSTDOWN: "its machine is down (EHOSTDOWN)",
  ENETUNREACH: "its network cannot be reached (ENETUNREACH)",
  ENETDOWN: "the network is down (ENETDOWN)",
  ETIMEDOUT: "the connection timed out (ETIMEDOUT)",
  EADDRNOTAVAIL: "this machine has no address or port left for it (EADDRNOTAVAIL)",
  EMFILE: "this process has too many files open (EMFILE)",
  ENFILE: "this machine has too many files open (ENFILE)",
  ENOTFOUND: "its name is not known (ENOTFOUND)",
  EAI_AGAIN: "its name cannot be looked up just now (EAI_AGAIN)"
}
