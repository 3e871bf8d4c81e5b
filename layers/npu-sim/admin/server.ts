/**
 * The administrator's door: HTTP with JSON on a unix socket.
 *
 *     GET  /         the verbs, with their sentences and parameters
 *     GET  /state    the engine's state, the server's and what calls it has taken
 *     POST /VERB     a JSON object of the verb's parameters; {} and an empty body are the same
 *
 * 200 is done; 400 says what is wrong with the arguments, 404 which verb there is
 * not, 409 why the NPU refuses.
 */
import { chmodSync, existsSync, rmSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { connect } from "node:net"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"

import { ListenError } from "../server/listener.ts"
import type { AdminState } from "./client.ts"
import { type Administered, verbs } from "./verbs.ts"

/** Largest body that is read, bytes. */
const largestBody = 64 * 1024

interface Response {
  readonly status: number
  readonly body: unknown
}

export const serve = (path: string, to: Administered): Effect.Effect<void, ListenError, Scope.Scope> =>
  Effect.gen(function*() {
    const fork = yield* FiberSet.makeRuntime<never>()
    const server = createServer((request, response) =>
      void fork(Effect.flatMap(respond(to, request), (answer) => Effect.sync(() => write(response, answer))))
    )
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
    )
    yield* removeStale(path)
    yield* Effect.async<void, ListenError>((resume) => {
      server.once("error", (error) => resume(Effect.fail(new ListenError({ reason: `${path}: ${error.message}` }))))
      server.listen(path, () => {
        chmodSync(path, 0o660)
        resume(Effect.void)
      })
    })
  })

const respond = (to: Administered, request: IncomingMessage): Effect.Effect<Response> => {
  const name = (request.url ?? "/").slice(1)
  if (request.method === "GET" && name === "") return Effect.succeed({ status: 200, body: listing })
  if (request.method === "GET" && name === "state") {
    return Effect.sync(() => ({ status: 200, body: stateOf(to) }))
  }
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (verb === undefined || request.method !== "POST") {
    return Effect.succeed(problem(404, `there is no ${request.method} /${name}; GET / lists what there is`))
  }
  return Effect.flatMap(Effect.promise(() => readBody(request)), (text) => {
    const parsed = parse(text)
    if (parsed === undefined) return Effect.succeed(problem(400, "the body is not JSON"))
    const deed = verb.run(to, parsed.value)
    if (Either.isLeft(deed)) return Effect.succeed(problem(400, deed.left))
    return Effect.match(deed.right, {
      onFailure: ({ code, details }) => ({ status: 409, body: { code, error: details } }),
      onSuccess: () => ({ status: 200, body: {} })
    })
  })
}

const listing = Object.fromEntries(
  Object.entries(verbs).map(([name, { parameters, summary }]) => [name, { summary, parameters }])
)

const stateOf = ({ engine, server }: Administered): AdminState => ({
  ...(engine === undefined ? {} : { engine: engine.inspect() }),
  server: {
    host: server.listener.host,
    port: server.listener.port,
    ...server.listener.state(),
    stalled: server.gate.stalled
  },
  calls: Object.fromEntries(server.gate.counts)
})

const problem = (status: number, error: string): Response => ({ status, body: { error } })

const parse = (text: string): { readonly value: unknown } | undefined => {
  if (text.trim() === "") return { value: {} }
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Buffer> = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= largestBody) chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString("utf8")
}

const write = (response: ServerResponse, { body, status }: Response): void => {
  response.writeHead(status, { "content-type": "application/json" })
  response.end(`${JSON.stringify(body)}\n`)
}

/** A socket file that nobody listens on is removed; one that somebody does is left alone. */
const removeStale = (path: string): Effect.Effect<void, ListenError> =>
  Effect.suspend(() =>
    existsSync(path)
      ? Effect.async<void, ListenError>((resume) => {
        const socket = connect(path)
        socket.once("connect", () => {
          socket.destroy()
          resume(Effect.fail(new ListenError({ reason: `${path}: another npu-sim listens there` })))
        })
        socket.once("error", () => {
          rmSync(path, { force: true })
          resume(Effect.void)
        })
      })
      : Effect.void
  )
