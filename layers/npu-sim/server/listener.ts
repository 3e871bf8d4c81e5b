/**
 * The TCP side of the server, in our own hands: what is accepted is injected
 * into the gRPC server, or held back where the NPU plays dead.
 */
import { createServer, type Server as TcpServer, type Socket } from "node:net"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** The address cannot be listened on; `reason` is a sentence for people. */
export class ListenError extends Data.TaggedError("ListenError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

export interface Listener {
  readonly host: string
  /** The port that is listened on, also where 0 was asked for. */
  readonly port: number
  /** Stops listening: new connections are refused. */
  readonly refuse: Effect.Effect<void>
  /** Closes all connections hard, and listens no more. */
  readonly goAway: Effect.Effect<void>
  /** Accepts connections and says nothing; those that exist fall silent. */
  readonly silence: Effect.Effect<void>
  /** Closes all connections hard and goes on listening. */
  readonly cut: Effect.Effect<void>
  /** Listens on the same port and speaks again. */
  readonly comeBack: Effect.Effect<void, ListenError>
  readonly state: () => { readonly listening: boolean; readonly silent: boolean; readonly connections: number }
}

export const listen = (
  host: string,
  port: number,
  accept: (socket: Socket) => void
): Effect.Effect<Listener, ListenError, Scope.Scope> =>
  Effect.gen(function*() {
    const sockets = new Set<Socket>()
    /** Accepted in silence, and not given to the server yet. */
    const held = new Set<Socket>()
    let silent = false

    const tcp = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.on("close", () => {
        sockets.delete(socket)
        held.delete(socket)
      })
      if (silent) {
        socket.pause()
        held.add(socket)
      } else accept(socket)
    })

    const cut = Effect.sync(() => {
      for (const socket of sockets) socket.destroy()
    })
    const refuse = close(tcp)
    yield* Effect.addFinalizer(() => Effect.zipRight(cut, refuse))
    yield* bind(tcp, host, port)
    const address = tcp.address()
    const bound = typeof address === "object" && address !== null ? address.port : port

    return {
      host,
      port: bound,
      refuse,
      cut,
      goAway: Effect.zipRight(refuse, cut),
      silence: Effect.sync(() => {
        silent = true
        for (const socket of sockets) socket.pause()
      }),
      comeBack: Effect.suspend(() => {
        if (silent) {
          silent = false
          // What came and heard nothing will have been given up; a paused session would never wake.
          for (const socket of sockets) socket.destroy()
        }
        return tcp.listening ? Effect.void : bind(tcp, host, bound)
      }),
      state: () => ({ listening: tcp.listening, silent, connections: sockets.size })
    }
  })

const bind = (tcp: TcpServer, host: string, port: number): Effect.Effect<void, ListenError> =>
  Effect.async((resume) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      tcp.off("listening", bound)
      resume(Effect.fail(new ListenError({ reason: explain(error, host, port) })))
    }
    const bound = (): void => {
      tcp.off("error", failed)
      resume(Effect.void)
    }
    tcp.once("error", failed)
    tcp.once("listening", bound)
    tcp.listen({ host, port })
  })

/** Stops listening at once; connections that exist live on. */
const close = (tcp: TcpServer): Effect.Effect<void> =>
  Effect.sync(() => {
    if (tcp.listening) tcp.close()
  })

const explain = (error: NodeJS.ErrnoException, host: string, port: number): string => {
  switch (error.code) {
    case "EADDRINUSE":
      return `port ${port} of ${host} is in use`
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${host} is not an address of this machine`
    case "EACCES":
      return `port ${port} of ${host} may not be listened on by this user`
    default:
      return `cannot listen on ${host}:${port}: ${error.message}`
  }
}
