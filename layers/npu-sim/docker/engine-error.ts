/** From the container engine's HTTP errors to gRPC statuses. */
import * as Effect from "effect/Effect"

import type { GrpcCode } from "../../../src/npu/wire.ts"
import { type Refusal, refusal } from "../engine/reply.ts"

/** What dockerode rejects with: an HTTP status with the engine's words, or an error of the socket. */
interface EngineError {
  readonly statusCode?: number
  readonly json?: unknown
  readonly code?: string
  readonly message?: string
}

/** HTTP statuses that mean something else than the table below says, by call. */
export type Meanings = Readonly<Record<number, GrpcCode>>

const usual: Meanings = { 400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 409: "FAILED_PRECONDITION" }

/** Asks the engine; its refusals come as statuses, the engine's own words in the text. */
export const ask = <A>(call: () => Promise<A>, meanings: Meanings = {}): Effect.Effect<A, Refusal> =>
  Effect.tryPromise({ try: call, catch: (error) => refusalOf(error, meanings) })

/** `undefined` where the engine does not have what is asked for. */
export const askMaybe = <A>(call: () => Promise<A>): Effect.Effect<A | undefined, Refusal> =>
  Effect.catchIf(ask(call), (refused) => refused.code === "NOT_FOUND", () => Effect.succeed(undefined))

export const refusalOf = (error: unknown, meanings: Meanings = {}): Refusal => {
  const { code, json, message = String(error), statusCode } = (error ?? {}) as EngineError
  if (statusCode === undefined) {
    return refusal("UNAVAILABLE", `the container engine does not answer: ${code ?? message}`)
  }
  const details = wordsOf(json) ?? message
  return refusal(
    isPortTaken(details) ? "UNAVAILABLE" : meanings[statusCode] ?? usual[statusCode] ?? "INTERNAL",
    details
  )
}

const wordsOf = (json: unknown): string | undefined => {
  if (typeof json !== "object" || json === null) return undefined
  const { cause, message } = json as { readonly cause?: unknown; readonly message?: unknown }
  return typeof message === "string" ? message : typeof cause === "string" ? cause : undefined
}

const isPortTaken = (words: string): boolean => /port is already allocated|address already in use/i.test(words)
