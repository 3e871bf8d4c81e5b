/** The `Wire` over grpc-js: one channel to the NPU for as long as the layer's scope lives. */
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import { Wire, type WireService } from "../../src/npu/wire.ts"
import { defaults } from "../../src/policy/policy.ts"
import { watchOption } from "./connecting.ts"
import * as Connection from "./connection.ts"
import { credentialsFor, plaintext, type Security } from "./credentials.ts"
import { collect, stream } from "./server-stream.ts"
import { unary } from "./unary.ts"
import { deploy } from "./upload.ts"

/** Where the peer is, and how it is talked to. */
export interface Target {
  /** A name, an IPv4 or an IPv6 address (without brackets). */
  readonly host: string
  readonly port: number
  /** Plaintext where nothing is said. */
  readonly security?: Security
}

export interface Options extends Target {
  /** Each element: the target from now on. The connection is made anew, also where it is the same. */
  readonly moves?: Stream.Stream<Target>
  /** What goes with every call, asked for each: user name and password, or a token. */
  readonly metadata?: () => Readonly<Record<string, string>>
  /** The wait after a failed attempt to connect, milliseconds; grows 1.6-fold from one to the other, ±20 %. */
  readonly reconnect?: { readonly initial: number; readonly maximum: number }
  /** How long TCP, TLS and the first words of HTTP/2 may each take, milliseconds. */
  readonly connectTimeout?: number
  /**
   * A ping after so long without a word from the peer, and how long it waits for
   * the answer, milliseconds. Only towards a server that is known to bear it:
   * SONiC's allows one in 20 s, gRPC's own default one in five minutes, and both
   * close the connection of a client that asks more often.
   */
  readonly keepalive?: { readonly time: number; readonly timeout: number }
  /** Hears once that the peer closed a connection because of keepalive, which is off from then on. */
  readonly onTooManyPings?: () => void
  /** The largest message taken or sent, bytes. */
  readonly messageLimit?: number
  /** More grpc-js options; they win over ours. */
  readonly channel?: grpc.ChannelOptions
}

/** 4 MiB, gRPC's usual limit. */
const usualMessageLimit = 4 * 1024 * 1024

/** Connects with the first call; the channel is closed at the end of the scope. */
export const layer = (options: Options): Layer.Layer<Wire> => Layer.scoped(Wire, make(options))

// What grpc-js would print is told by name instead; GRPC_VERBOSITY brings it back.
if (process.env["GRPC_VERBOSITY"] === undefined) grpc.setLogVerbosity(grpc.logVerbosity.NONE)

export const make = (options: Options): Effect.Effect<WireService, never, Scope.Scope> =>
  Effect.gen(function*() {
    let target: Target = options
    const endpoint = (): string => `${target.host.includes(":") ? `[${target.host}]` : target.host}:${target.port}`
    const connection = yield* Connection.make({
      endpoint,
      connectTimeout: options.connectTimeout ?? defaults.connection.timeout,
      newClient: (watch, keepalive) =>
        new grpc.Client(endpoint(), credentialsFor(target.security ?? plaintext, target.host), {
          ...channelOptions(options, keepalive),
          [watchOption]: watch
        }),
      onTooManyPings: options.onTooManyPings ?? (() => {}),
      // Never in the clear, whatever the target has become.
      metadata: () => metadataOf(target.security?._tag === "Tls" ? options.metadata?.() ?? {} : {}),
      changes: Stream.tap(options.moves ?? Stream.empty, (moved) =>
        Effect.sync(() => {
          target = moved
        }))
    })
    return {
      get endpoint() {
        return endpoint()
      },
      unary: (method, request, deadline) => unary(connection, method, request, deadline),
      collect: (method, request, deadline) => collect(connection, method, request, deadline),
      stream: (method, request) => stream(connection, method, request),
      deploy: (call) => deploy(connection, call),
      connection: connection.events
    }
  })

const metadataOf = (entries: Readonly<Record<string, string>>): grpc.Metadata => {
  const metadata = new grpc.Metadata()
  for (const [key, value] of Object.entries(entries)) metadata.set(key, value)
  return metadata
}

const channelOptions = (options: Options, keepalive: boolean): grpc.ChannelOptions => {
  const reconnect = options.reconnect ?? { initial: defaults.connection.base, maximum: defaults.connection.cap }
  const limit = options.messageLimit ?? usualMessageLimit
  return {
    "grpc.initial_reconnect_backoff_ms": reconnect.initial,
    "grpc.max_reconnect_backoff_ms": reconnect.maximum,
    "grpc.max_receive_message_length": limit,
    "grpc.max_send_message_length": limit,
    // A mutating call is sent exactly once. Without a buffer for retries, the
    // callback of a write also means that the bytes went out.
    "grpc.enable_retries": 0,
    "grpc.per_rpc_retry_buffer_size": 0,
    // Its registry is for a service that a daemon does not offer, and keeps traces of every attempt to connect.
    "grpc.enable_channelz": 0,
    // A replaced channel must not get the old one's connection.
    "grpc.use_local_subchannel_pool": 1,
    // The NPU is on the midplane: no proxy, no service config from DNS.
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    ...(keepalive && options.keepalive !== undefined
      ? { "grpc.keepalive_time_ms": options.keepalive.time, "grpc.keepalive_timeout_ms": options.keepalive.timeout }
      : {}),
    ...options.channel
  }
}
