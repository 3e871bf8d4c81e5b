/**
 * The lower port to the NPU: raw Containerz messages, each call with a deadline,
 * each failure with its gRPC status and where that status arose.
 *
 * It judges nothing. Retries, dialects, matching of names and tags, read-back:
 * all of that is the `Npu` client's, which stands above it and is the same over
 * every fulfilment (grpc-js in `layers/gnoi`, the in-memory engine in
 * `layers/npu-sim`, the latter with faults in `layers/sim`).
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"

import type { TransportFault } from "../model/transport-fault.ts"
import type {
  DeployResponse,
  ImageTransfer,
  MethodName,
  StreamMethod,
  StreamMethods,
  UnaryMethod,
  UnaryMethods
} from "./messages.ts"

/** The canonical gRPC status codes other than OK, by number from 1. */
export const grpcCodes = [
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED"
] as const
export type GrpcCode = typeof grpcCodes[number]

/**
 * A call that did not end with OK.
 *
 * `origin` says who made the status: `peer` when it came over the wire in the
 * server's trailers, `local` when this side made it up (connection refused or
 * lost, deadline, cancellation, a message that cannot be encoded or decoded, a
 * source of bytes that failed). The distinction matters: UNAVAILABLE from the
 * peer may mean "port in use", UNAVAILABLE made here means that the transport
 * broke.
 */
export class WireError extends Data.TaggedError("WireError")<{
  readonly method: MethodName
  readonly code: GrpcCode
  readonly origin: "local" | "peer"
  readonly details: string
  /** What it says of the transport, where the transport is the cause. */
  readonly fault?: TransportFault
}> {
  override get message(): string {
    return `${this.method}: ${this.code} (${this.origin})${this.details === "" ? "" : `: ${this.details}`}`
  }
}

/** What the connection does, as far as the transport can tell. */
export type ConnectionEvent =
  | { readonly _tag: "Connected" }
  /** The connection ended; `reason` is for people. An idle close is `routine`. */
  | { readonly _tag: "Disconnected"; readonly reason: string; readonly routine: boolean }

/**
 * Bytes to send: a size known beforehand and a way to read them in order.
 *
 * A fulfilment calls `open` once for each transfer and then `read` until it
 * returns `undefined`. The returned view is valid until the next `read`, so one
 * buffer can serve the whole transfer. `read` rejects when the bytes cannot be
 * had; the transfer then fails as `DATA_LOSS`, `local`.
 *
 * This is the only place in `src` with a Promise in a signature: the loop over
 * chunks runs inside the fulfilment, without an Effect for each chunk.
 */
export interface ByteSource {
  /** Bytes. */
  readonly size: number
  readonly open: Effect.Effect<ByteReader, ByteSourceError, Scope.Scope>
}

export interface ByteReader {
  /** Bytes before each view, in its buffer, that whoever reads may overwrite; none where absent. They spare a copy. */
  readonly headroom?: number
  /** At most `maximum` bytes (> 0); `undefined` at the end. */
  readonly read: (maximum: number) => Promise<Uint8Array | undefined>
}

/** The bytes to send cannot be read; `reason` is a sentence for people. */
export class ByteSourceError extends Data.TaggedError("ByteSourceError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

/** One upload: what to announce, what to send, how long to wait for what. */
export interface DeployCall {
  readonly transfer: ImageTransfer
  /** Absent with `transfer.remoteDownload`: the NPU fetches the bytes itself. */
  readonly source?: ByteSource
  /** Bounds of the chunk size that the peer's `image_transfer_ready` may ask for, bytes. */
  readonly chunkSize: { readonly minimum: number; readonly maximum: number }
  /** The longest time without any progress: a byte accepted, a message received. */
  readonly idleTimeout: Duration.Duration
  /** From `image_transfer_end` to the end of the stream: the server loads the image then. */
  readonly loadTimeout: Duration.Duration
  /** Called synchronously with the bytes handed to the transport so far; must not throw. */
  readonly onProgress?: (sentBytes: number) => void
}

/** What came back of an upload whose stream ended with status OK. */
export interface DeployEnd {
  /** Messages in order of arrival, without `imageTransferProgress`. */
  readonly messages: ReadonlyArray<DeployResponse>
  /** Content bytes handed to the transport. */
  readonly sentBytes: number
}

export interface WireService {
  /** Where the peer is now, for messages: `host:port`. It may move. */
  readonly endpoint: string
  /**
   * One request, one response. Interruption cancels the call on the wire.
   */
  readonly unary: <M extends UnaryMethod>(
    method: M,
    request: UnaryMethods[M]["request"],
    deadline: Duration.Duration
  ) => Effect.Effect<UnaryMethods[M]["response"], WireError>
  /**
   * A server stream collected whole: succeeds only when the stream ended with
   * status OK, so a partial list is a failure, never a short list.
   */
  readonly collect: <M extends StreamMethod>(
    method: M,
    request: StreamMethods[M]["request"],
    deadline: Duration.Duration
  ) => Effect.Effect<ReadonlyArray<StreamMethods[M]["response"]>, WireError>
  /**
   * A server stream as it comes, without a deadline (`Log` with follow lives as
   * long as its container). Ends when the peer ends it with OK.
   */
  readonly stream: <M extends StreamMethod>(
    method: M,
    request: StreamMethods[M]["request"]
  ) => Stream.Stream<StreamMethods[M]["response"], WireError>
  /**
   * Deploy: announces, waits for `ready`, sends the source in chunks of the
   * size the peer asked for, ends, waits for the stream's end. A `ready` with a
   * chunk size of 0 or less fails with FAILED_PRECONDITION `local`; a stream
   * that the peer ends with OK before `image_transfer_end` was sent (but for a
   * remote download) fails with ABORTED `local`. Interruption cancels the call.
   */
  readonly deploy: (call: DeployCall) => Effect.Effect<DeployEnd, WireError>
  /** Connection events from now on; hot, never fails, never ends. */
  readonly connection: Stream.Stream<ConnectionEvent>
}

export class Wire extends Context.Tag("offloader/Wire")<Wire, WireService>() {}
