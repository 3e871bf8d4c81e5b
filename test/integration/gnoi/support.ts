/** A gRPC server of which a test says only the handlers it needs, and a link to it that can be cut. */
import * as net from "node:net"

import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import * as Gnoi from "../../../layers/gnoi/wire.ts"
import {
  containerz,
  type ContainerzHandlers,
  os,
  type OsHandlers,
  system,
  type SystemHandlers
} from "../../../proto/definition.ts"
import type { WireService } from "../../../src/npu/wire.ts"

export type Handlers = Partial<ContainerzHandlers & SystemHandlers & OsHandlers>

export interface Peer {
  readonly port: number
  readonly server: grpc.Server
}

/** Serves the given methods; the rest answer UNIMPLEMENTED. */
export const serve = (handlers: Handlers, port = 0): Effect.Effect<Peer, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Peer, Error>((resume) => {
      const server = new grpc.Server()
      server.addService(containerz, { ...handlers })
      server.addService(system, { ...handlers })
      server.addService(os, { ...handlers })
      server.bindAsync(
        `127.0.0.1:${port}`,
        grpc.ServerCredentials.createInsecure(),
        (error, port) => resume(error === null ? Effect.succeed({ port, server }) : Effect.fail(error))
      )
    }),
    ({ server }) => Effect.sync(() => server.forceShutdown())
  )

/** The Wire to a port of this machine. */
export const wireTo = (
  port: number,
  options: Partial<Gnoi.Options> = {}
): Effect.Effect<WireService, never, Scope.Scope> => Gnoi.make({ host: "127.0.0.1", port, ...options })

/** A Wire to a server with these handlers. */
export const wireWith = (handlers: Handlers, options: Partial<Gnoi.Options> = {}) =>
  Effect.flatMap(serve(handlers), ({ port }) => wireTo(port, options))

export interface Listener {
  readonly port: number
  /** Sockets open now. */
  readonly sockets: ReadonlySet<net.Socket>
  /** Ends all of them at once, without a word. */
  readonly cut: () => void
}

/** A TCP listener; what it does with a connection is the test's. */
export const listen = (onSocket: (socket: net.Socket) => void, port = 0): Effect.Effect<Listener, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Listener & { readonly close: () => void }, Error>((resume) => {
      const sockets = new Set<net.Socket>()
      const cut = () => sockets.forEach((socket) => socket.resetAndDestroy())
      const server = net.createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        socket.on("close", () => sockets.delete(socket))
        onSocket(socket)
      })
      server.on("error", (error) => resume(Effect.fail(error)))
      server.listen(port, "127.0.0.1", () =>
        resume(Effect.succeed({
          port: (server.address() as net.AddressInfo).port,
          sockets,
          cut,
          close: () => {
            cut()
            server.close()
          }
        })))
    }),
    ({ close }) => Effect.sync(close)
  )

/** A link to a port that can be cut while calls are on it. */
export const linkTo = (port: number) =>
  listen((socket) => {
    const far = net.connect(port, "127.0.0.1")
    far.on("error", () => {})
    far.on("close", () => socket.destroy())
    socket.on("close", () => far.destroy())
    socket.pipe(far).pipe(socket)
  })

/** A port where nobody listens. */
export const freePort: Effect.Effect<number, Error> = Effect.scoped(Effect.map(listen(() => {}), ({ port }) => port))

/** Something that happens once, told by a callback and awaited by an Effect. */
export const signal = <A = void>() => {
  let fire!: (value: A) => void
  const promise = new Promise<A>((resolve) => fire = resolve)
  return { fire, awaited: Effect.promise(() => promise) }
}

/** The error that a gRPC handler sends. */
export const failure = (code: grpc.status, details: string): Partial<grpc.StatusObject> => ({ code, details })
