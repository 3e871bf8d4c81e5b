/**
 * Between node:http and an HttpApp of @effect/platform. `NodeHttpServer` would
 * do the same and bring undici, ws and a multipart parser into a daemon that
 * lives on little memory; what the control API needs of it is this page.
 */
import type * as http from "node:http"

import * as Headers from "@effect/platform/Headers"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import { RequestError } from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import { NodeInspectSymbol } from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

import { problemTrailer, spelledOut } from "../../src/control/problem-trailer.ts"
import { Problem } from "../../src/control/problems.ts"

/** How much of a body that is too long is read and dropped, in bytes: a client that still writes does not read our answer. */
const patience = 16 * 1024 * 1024

/** The request's body as text; fails with "TooLarge" past `limit` bytes, with "Broken" where the client hung up. */
export const readBody = (request: http.IncomingMessage, limit: number): Effect.Effect<string, "TooLarge" | "Broken"> =>
  Effect.async<string, "TooLarge" | "Broken">((resume) => {
    const chunks: Array<Buffer> = []
    let size = 0
    request.on("data", (chunk: Buffer) => {
      size += chunk.length
      if (size <= limit) return void chunks.push(chunk)
      chunks.length = 0
      if (size > patience) resume(Effect.fail("TooLarge"))
    })
    request.once("end", () => {
      resume(size > limit ? Effect.fail("TooLarge") : Effect.succeed(Buffer.concat(chunks).toString("utf8")))
    })
    request.once("error", () => resume(Effect.fail("Broken")))
    request.once("close", () => resume(Effect.fail("Broken")))
  })

/**
 * The request as the HttpApp sees it. Every body is taken for JSON, whatever its
 * content type says, so that a plain `curl -d` works; none at all is `{}`.
 */
export const toServerRequest = (
  source: http.IncomingMessage,
  body: { readonly text: string; readonly json: unknown }
): HttpServerRequest.HttpServerRequest => {
  const headers = Headers.fromInput({ ...source.headers, "content-type": "application/json" } as Headers.Input)
  const refuse = (what: string) =>
    new RequestError({ request, reason: "Decode", description: `the control API takes no ${what}` })
  const toJSON = () => ({ _id: "ControlRequest", method: source.method, url: source.url })
  const request: HttpServerRequest.HttpServerRequest = {
    [HttpServerRequest.TypeId]: HttpServerRequest.TypeId,
    [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId,
    source,
    url: source.url ?? "/",
    originalUrl: source.url ?? "/",
    method: (source.method ?? "GET") as HttpServerRequest.HttpServerRequest["method"],
    headers,
    cookies: {},
    remoteAddress: Option.none(),
    text: Effect.succeed(body.text),
    json: Effect.succeed(body.json),
    arrayBuffer: Effect.sync(() => new TextEncoder().encode(body.text).buffer),
    stream: Stream.encodeText(Stream.succeed(body.text)),
    urlParamsBody: Effect.suspend(() => Effect.fail(refuse("form"))),
    multipart: Effect.die("the control API takes no form"),
    multipartStream: Stream.die("the control API takes no form"),
    upgrade: Effect.suspend(() => Effect.fail(refuse("upgrade"))),
    modify: (): HttpServerRequest.HttpServerRequest => request,
    toJSON,
    toString: () => `ControlRequest(${source.method} ${source.url})`,
    [NodeInspectSymbol]: toJSON
  }
  return request
}

/** Writes the answer; a stream goes out piece by piece, no faster than the client reads, until it ends or `until` does. */
export const respond = (
  target: http.ServerResponse,
  response: HttpServerResponse.HttpServerResponse,
  until: Effect.Effect<unknown>
): Effect.Effect<void> => {
  const body = response.body
  const headers: http.OutgoingHttpHeaders = { ...response.headers }
  switch (body._tag) {
    case "Empty":
      return finish(target, response.status, headers)
    case "Uint8Array":
      headers["content-type"] ??= body.contentType
      headers["content-length"] = body.contentLength
      return finish(target, response.status, headers, body.body)
    case "Stream": {
      headers["content-type"] ??= body.contentType
      return Effect.sync(() => {
        target.writeHead(response.status, headers)
        target.flushHeaders()
      }).pipe(
        Effect.zipRight(
          Stream.runForEachChunk(
            Stream.interruptWhen(body.stream, until),
            (pieces) => write(target, Buffer.concat(Chunk.toReadonlyArray(pieces)))
          )
        ),
        Effect.matchCauseEffect({
          onFailure: (cause) => breakOff(target, cause),
          onSuccess: () => Effect.sync(() => void target.end())
        })
      )
    }
    case "Raw":
    case "FormData":
      return Effect.die(`an answer of kind ${body._tag} is not for the control API`)
  }
}

const isProblem = Schema.is(Problem)

/**
 * A stream that failed must not look whole: it says why at its end, where the client's HTTP lets an answer have one
 * (1.0 does not), or the connection breaks in the middle of the answer.
 */
const breakOff = (target: http.ServerResponse, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const problem = Option.getOrUndefined(Cause.failureOption(cause))
  return isProblem(problem) && target.chunkedEncoding
    ? Effect.sync(() => {
      target.addTrailers({ [problemTrailer]: spelledOut({ ...problem, message: problem.message }) })
      target.end()
    })
    : Effect.zipRight(Effect.logError("a streamed answer failed", cause), Effect.sync(() => target.destroy()))
}

const finish = (
  target: http.ServerResponse,
  status: number,
  headers: http.OutgoingHttpHeaders,
  content?: Uint8Array
): Effect.Effect<void> =>
  Effect.sync(() => {
    if (target.destroyed) return
    target.writeHead(status, headers)
    target.end(content)
  })

const write = (target: http.ServerResponse, piece: Uint8Array): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    if (target.destroyed || target.write(piece)) return resume(Effect.void)
    const done = () => {
      target.off("drain", done)
      target.off("close", done)
      resume(Effect.void)
    }
    target.on("drain", done)
    target.on("close", done)
    return Effect.sync(() => {
      target.off("drain", done)
      target.off("close", done)
    })
  })
