/** Serves the control API on a unix socket. */
import { chmodSync } from "node:fs"
import * as http from "node:http"

import type * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import type { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpRouter from "@effect/platform/HttpRouter"
import { HttpServerRequest } from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"

import {
  BadRequest,
  bodyLimit,
  InternalError,
  type Problem,
  statusOf,
  TooLarge,
  UnknownPath
} from "../../src/control/problems.ts"
import { telling } from "../../src/model/faults.ts"
import { whoAnswers } from "./client.ts"
import { readBody, respond, toServerRequest } from "./http.ts"
import { claim, type ControlSocketError, socketError } from "./socket-path.ts"

/** How slow a client may be, and how long shutting down may wait for one. */
const limits = {
  /** Until a request's headers are here, in milliseconds; also for a connection that says nothing. */
  headers: 5_000,
  /** Until a request's body is here, in milliseconds. */
  request: 10_000,
  /** Between two requests on one connection, in milliseconds. */
  keepAlive: 5_000,
  /** How often the first two are looked at, in milliseconds. */
  check: 1_000,
  /** Connections at one time; a further one is closed at once. */
  connections: 128,
  headerBytes: 8 * 1024,
  /** What an answer under way at shutdown may still take. */
  drain: Duration.seconds(1)
} as const

/** A name of any length is a name, and unknown; the router by itself would not know the path past 100 characters of it. */
const routing = { maxParamLength: limits.headerBytes }

export interface Options {
  /** The socket's path, at most 107 bytes; its folder exists. */
  readonly path: string
  /** Permission bits of the socket; 0660 where not given. */
  readonly mode?: number
}

/**
 * Binds the socket and serves the API whose handlers are in the environment,
 * until the scope ends: then no new connection is taken, streams that are being
 * followed end, answers under way are finished, the socket is removed.
 *
 * Fails with ControlSocketError where the path cannot be had, above all where
 * another daemon answers on it.
 */
export const layer = (options: Options): Layer.Layer<never, ControlSocketError, HttpApi.Api> =>
  Layer.scopedDiscard(serve(options)).pipe(Layer.provide(Layer.mergeAll(HttpApiBuilder.Router.Live, sayWhatIsWrong)))

const serve = Effect.fn("control.serve")(function*(options: Options) {
  // Nothing in this API serves a file or reads a form, which is all that the router's default services are for.
  const app = (yield* HttpRouter.withRouterConfig(HttpApiBuilder.httpApp, routing)) as HttpApp.Default
  const closing = yield* Deferred.make<void>()
  const fork = yield* FiberSet.makeRuntime<never>()
  yield* claim(options.path, whoAnswers)
  yield* listen(options, closing, (request, response) => {
    const fiber = fork(handle(app, request, response, Deferred.await(closing)))
    response.once("close", () => {
      // Who hangs up while reading is not worth working for; a change that was asked for is carried through.
      if (!response.writableFinished && request.method === "GET") fiber.unsafeInterruptAsFork(fiber.id())
    })
  })
  yield* Effect.logInfo("control API ready").pipe(Effect.annotateLogs({ socket: options.path }))
})

const listen = (
  { mode = 0o660, path }: Options,
  closing: Deferred.Deferred<void>,
  onRequest: http.RequestListener
): Effect.Effect<http.Server, ControlSocketError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<http.Server, ControlSocketError>((resume) => {
      const server = http.createServer({
        headersTimeout: limits.headers,
        requestTimeout: limits.request,
        keepAliveTimeout: limits.keepAlive,
        connectionsCheckingInterval: limits.check,
        maxHeaderSize: limits.headerBytes
      }, onRequest)
      server.maxConnections = limits.connections
      const fail = (error: NodeJS.ErrnoException) => resume(Effect.fail(socketError(path, error)))
      server.once("error", fail)
      server.listen({ path }, () => {
        server.off("error", fail)
        server.on("error", () => {})
        try {
          chmodSync(path, mode)
          resume(Effect.succeed(server))
        } catch (error) {
          server.close()
          fail(error as NodeJS.ErrnoException)
        }
      })
    }),
    (server) => Effect.zipRight(Effect.sync(() => Deferred.unsafeDone(closing, Effect.void)), close(server))
  )

/** Takes no more, removes the socket, lets answers under way finish for a while, then cuts. */
const close = (server: http.Server): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    server.close(() => resume(Effect.void))
  }).pipe(
    // A connection turns idle some time after its answer ended.
    Effect.raceFirst(Effect.forever(Effect.delay(Effect.sync(() => server.closeIdleConnections()), "10 millis"))),
    // Finalizers are not interruptible; this wait has to be.
    Effect.interruptible,
    Effect.timeoutOption(limits.drain),
    Effect.zipRight(Effect.sync(() => server.closeAllConnections()))
  )

const handle = (
  app: HttpApp.Default,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  until: Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const body = yield* readJson(request)
    const answer = yield* Effect.provideService(app, HttpServerRequest, toServerRequest(request, body))
    yield* respond(response, answer, until)
  }).pipe(
    Effect.scoped,
    Effect.catchAllCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.sync(() => void response.destroy())
        : Effect.flatMap(problemOf(cause, request), (problem) => respond(response, asResponse(problem), until))
    )
  )

const readJson = Effect.fnUntraced(function*(request: http.IncomingMessage) {
  const text = yield* Effect.catchAll(
    readBody(request, bodyLimit),
    (reason) =>
      reason === "Broken" ? Effect.interrupt : new TooLarge({
        message: `the request's body is longer than ${bodyLimit / 1024} KiB, the most that the control API takes`
      })
  )
  if (text.trim() === "") return { text, json: {} }
  const json = yield* Effect.try({
    try: () => JSON.parse(text) as unknown,
    catch: (error) => new BadRequest({ message: `the request's body is not JSON: ${(error as Error).message}` })
  })
  return { text, json }
})

/** Names each fault of a request with its path, in place of the schema's tree. */
const sayWhatIsWrong = Layer.provideMerge(
  HttpApiBuilder.middleware((app) =>
    // Its type says that it cannot fail; at this place the router's errors still come through it.
    Effect.catchAll(app, (error: unknown) =>
      Predicate.isTagged(error, "HttpApiDecodeError")
        ? Effect.succeed(asResponse(badRequest(error as HttpApiDecodeError)))
        : Effect.fail(error as never))
  ),
  HttpApiBuilder.Middleware.layer
)

const badRequest = (error: HttpApiDecodeError): BadRequest => {
  const faults = telling(error.issues).map((issue) =>
    issue.path.length === 0 ? issue.message : `${issue.path.map(String).join(".")}: ${issue.message}`
  )
  return new BadRequest({ message: `the request is not understood: ${[...new Set(faults)].join("; ")}` })
}

const problemOf = (cause: Cause.Cause<unknown>, request: http.IncomingMessage): Effect.Effect<Problem> => {
  const error = Cause.squash(cause)
  if (error instanceof BadRequest || error instanceof TooLarge) return Effect.succeed(error)
  if (Predicate.isTagged(error, "RouteNotFound")) {
    return Effect.succeed(
      new UnknownPath({ message: `there is no ${request.method} ${request.url} in the control API, version v1` })
    )
  }
  return Effect.logError("a control request failed inside", cause).pipe(
    Effect.annotateLogs({ method: request.method, url: request.url }),
    Effect.as(new InternalError({ message: "offloadd failed inside while answering; its log says how" }))
  )
}

const asResponse = (problem: Problem): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson({ ...problem, message: problem.message }, { status: statusOf[problem._tag] })
