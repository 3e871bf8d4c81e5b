/** The `Wire` over grpc-js: one channel to the NPU for as long as the layer's scope lives. */
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

import { Wire, type WireService } from "../../src/npu/wire.ts"
import * as Connection from "./connection.ts"
import { withHandshakeLimit } from "./handshake.ts"
import { collect, stream } from "./server-stream.ts"
import { unary } from "./unary.ts"
import { deploy } from "./upload.ts"

export interface Options {
  /** A name, an IPv4 or an IPv6 address (without brackets). */
  readonly host: string
  readonly port: number
  /** Plaintext without it. Called again for each new channel, so renewed certificates are taken up. */
  readonly credentials?: () => grpc.ChannelCredentials
  /** The wait after a failed attempt to connect, milliseconds; grows 1.6-fold from one to the other. */
  readonly reconnect?: { readonly initial: number; readonly maximum: number }
  /** How long TCP, and after it TLS with the first bytes of HTTP/2, may each take, milliseconds. */
  readonly connectTimeout?: number
  /** The largest message taken, bytes. */
  readonly receiveLimit?: number
  /** More grpc-js options (name override for TLS, keepalive); they win over ours. */
  readonly channel?: grpc.ChannelOptions
}

/** Well under a poll's period at first, and never slow after an NPU reboot; grpc-js has 1 s and 120 s. */
export const defaultReconnect = { initial: 250, maximum: 2000 }

/** Three seconds: a midplane answers within one, and Linux repeats a lost SYN after one and three. */
export const defaultConnectTimeout = 3000

/** 4 MiB, gRPC's usual limit. */
export const defaultReceiveLimit = 4 * 1024 * 1024

/** Connects with the first call; the channel is closed at the end of the scope. */
export const layer = (options: Options): Layer.Layer<Wire> => Layer.scoped(Wire, make(options))

export const make = (options: Options): Effect.Effect<WireService, never, Scope.Scope> =>
  Effect.gen(function*() {
    const endpoint = `${options.host.includes(":") ? `[${options.host}]` : options.host}:${options.port}`
    const connectTimeout = options.connectTimeout ?? defaultConnectTimeout
    const connection = yield* Connection.make(endpoint, connectTimeout, () => {
      const credentials = options.credentials?.() ?? grpc.credentials.createInsecure()
      return new grpc.Client(endpoint, withHandshakeLimit(credentials, connectTimeout), channelOptions(options))
    })
    return {
      endpoint,
      unary: (method, request, deadline) => unary(connection, method, request, deadline),
      collect: (method, request, deadline) => collect(connection, method, request, deadline),
      stream: (method, request) => stream(connection, method, request),
      deploy: (call) => deploy(connection, call),
      connection: connection.events
    }
  })

const channelOptions = (options: Options): grpc.ChannelOptions => {
  const reconnect = options.reconnect ?? defaultReconnect
  return {
    "grpc.initial_reconnect_backoff_ms": reconnect.initial,
    "grpc.max_reconnect_backoff_ms": reconnect.maximum,
    "grpc.max_receive_message_length": options.receiveLimit ?? defaultReceiveLimit,
    // A mutating call is sent exactly once. Without a buffer for retries, the
    // callback of a write also means that the bytes went out.
    "grpc.enable_retries": 0,
    "grpc.per_rpc_retry_buffer_size": 0,
    // A replaced channel must not get the old one's connection.
    "grpc.use_local_subchannel_pool": 1,
    // The NPU is on the midplane: no proxy, no service config from DNS.
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    ...options.channel
  }
}
