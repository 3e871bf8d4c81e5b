/**
 * Asking a container engine over its Docker-compatible socket. Two GET requests
 * are all that is needed; dockerode, which npu-sim uses, would take 25 MiB of a
 * small machine's memory for good, and half a second, at its first use.
 */
import * as http from "node:http"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"

/** The engine did not answer as asked; `reason` is a sentence for people. */
export class EngineError extends Data.TaggedError("EngineError")<{
  readonly reason: string
  /** There is no socket at all: no engine was meant to be there. */
  readonly absent: boolean
}> {
  override get message(): string {
    return this.reason
  }
}

/** How long the engine may be silent, milliseconds. Saving an image is begun after it was laid out on its disk. */
const patience = 60_000

/** The longest list that is read, bytes. */
const largestAnswer = 16 * 1024 * 1024

/** Opens a GET request; the answer is broken off with the scope. Another status than 200 fails with the engine's words. */
export const get = (
  socketPath: string,
  path: string
): Effect.Effect<http.IncomingMessage, EngineError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<http.IncomingMessage, EngineError>((resume) => {
      const request = http.request({ socketPath, path, timeout: patience, agent: false }, (response) => {
        if (response.statusCode === 200) return resume(Effect.succeed(response))
        let text = ""
        response.setEncoding("utf8").on("data", (piece: string) => {
          text = (text + piece).slice(0, 1000)
        })
        response.on("error", () => {})
        response.on("close", () => {
          resume(Effect.fail(failure(`it answers ${response.statusCode}: ${text.trim()}`)))
        })
      })
      request.on("timeout", () => request.destroy(new Error(`it has been silent for ${patience / 1000} s`)))
      request.on("error", (cause: NodeJS.ErrnoException) => {
        resume(Effect.fail(
          new EngineError({ reason: `it does not answer: ${cause.message}`, absent: cause.code === "ENOENT" })
        ))
      })
      request.end()
      return Effect.sync(() => request.destroy())
    }),
    (response) => Effect.sync(() => response.destroy())
  )

const Images = Schema.parseJson(Schema.Array(Schema.Struct({
  Id: Schema.String,
  RepoTags: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  Labels: Schema.optional(Schema.NullOr(Schema.Record({ key: Schema.String, value: Schema.String }))),
  /** Bytes of its layers. */
  Size: Schema.Number
})))

export interface EngineImage {
  readonly id: string
  readonly names: ReadonlyArray<string>
  readonly labels: Readonly<Record<string, string>>
  /** Bytes, as the engine reckons them: a guide to an archive's size, no more. */
  readonly size: number
}

/** Every image that the engine holds. */
export const listImages = (socketPath: string): Effect.Effect<ReadonlyArray<EngineImage>, EngineError> =>
  Effect.map(ask(socketPath, "/images/json", Images), (images) =>
    images.map((image) => ({
      id: image.Id,
      names: (image.RepoTags ?? []).filter((name) => !name.startsWith("<none>")),
      labels: image.Labels ?? {},
      size: image.Size
    })))

/** As OCI spells it; empty where the engine does not say. */
export const architectureOf = (socketPath: string, id: string): Effect.Effect<string, EngineError> =>
  Effect.map(
    ask(
      socketPath,
      `/images/${encodeURIComponent(id)}/json`,
      Schema.parseJson(Schema.Struct({ Architecture: Schema.optional(Schema.String) }))
    ),
    ({ Architecture = "" }) => Architecture
  )

const ask = <A>(socketPath: string, path: string, schema: Schema.Schema<A, string>): Effect.Effect<A, EngineError> =>
  Effect.scoped(Effect.flatMap(get(socketPath, path), readAll)).pipe(
    Effect.flatMap(Schema.decode(schema)),
    Effect.catchTag("ParseError", (error) => {
      const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
      return failure(`its answer to ${path} makes no sense: ${issue?.message ?? "it cannot be read"}`)
    })
  )

const readAll = (response: http.IncomingMessage): Effect.Effect<string, EngineError> =>
  Effect.tryPromise({
    try: async () => {
      const pieces: Array<Buffer> = []
      let size = 0
      for await (const piece of response as AsyncIterable<Buffer>) {
        size += piece.length
        if (size > largestAnswer) throw new Error(`its answer has more than ${largestAnswer} bytes`)
        pieces.push(piece)
      }
      return Buffer.concat(pieces).toString("utf8")
    },
    catch: (cause) => failure(cause instanceof Error ? cause.message : String(cause))
  })

const failure = (reason: string): EngineError => new EngineError({ reason, absent: false })
