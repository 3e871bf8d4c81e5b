/** npu-sim's gRPC server: Containerz in one of its dialects, System.Time and OS.Verify over a `Backend`. */
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"

import type { Backend } from "../backend.ts"
import type { Journal } from "../journal.ts"
import { none } from "../journal.ts"
import { demanding } from "./authentication.ts"
import { credentialsOf, type ServerTls } from "./credentials.ts"
import { register, type SimDialect } from "./dialects.ts"
import * as Gate from "./gate.ts"
import { listen, type Listener, type ListenError } from "./listener.ts"
import { openWindow } from "./window.ts"

/** gRPC's own limit for a received message less room for the message around the content, bytes. */
export const largestChunk = 4 * 2 ** 20 - 64

export const defaultChunk = 2 ** 20

export interface ServeOptions {
  readonly host: string
  /** 0 picks one. */
  readonly port: number
  readonly backend: Backend
  /** Modern by default. */
  readonly dialect?: SimDialect
  readonly journal?: Journal
  /** Bytes that `image_transfer_ready` asks for; 1 MiB by default. */
  readonly chunkSize?: number
  /** Whether fewer bytes than announced are refused; true by default. */
  readonly checksShortTransfer?: boolean
  /** Connections without a call are closed with a GOAWAY after so long, ms; never by default. */
  readonly idleMillis?: number
  /** Plaintext without it. */
  readonly tls?: ServerTls
  /** What the metadata of each call must hold, asked for each; nothing is demanded without it. */
  readonly credentials?: () => Readonly<Record<string, string>>
}

export interface NpuServer {
  readonly listener: Listener
  readonly gate: Gate.Gate
  readonly dialect: SimDialect
}

/** Serves until the scope closes: then connections end at once and calls under way are broken off. */
export const serve = (options: ServeOptions): Effect.Effect<NpuServer, ListenError, Scope.Scope> =>
  Effect.gen(function*() {
    const gate = Gate.make()
    const server = new grpc.Server({
      "grpc.max_receive_message_length": 4 * 2 ** 20,
      "grpc.max_send_message_length": 4 * 2 ** 20,
      ...(options.credentials === undefined ? {} : { interceptors: [demanding(options.credentials)] }),
      // Several clients may ping as often as they like: this is a lab's server.
      "grpc.keepalive_permit_without_calls": 1,
      ...(options.idleMillis === undefined ? {} : { "grpc.max_connection_idle_ms": options.idleMillis })
    })
    openWindow(server, options.tls?.onHandshake)
    const fork = yield* FiberSet.makeRuntime<never>()
    const dialect = options.dialect ?? "modern"
    register(server, dialect, {
      backend: options.backend,
      journal: options.journal ?? none,
      gate,
      chunkSize: options.chunkSize ?? defaultChunk,
      checksShortTransfer: options.checksShortTransfer ?? true,
      fork
    })
    const injector = server.createConnectionInjector(yield* credentialsOf(options.tls))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        injector.destroy()
        server.forceShutdown()
      })
    )
    const listener = yield* listen(options.host, options.port, (socket) => injector.injectConnection(socket))
    return { listener, gate, dialect }
  })
