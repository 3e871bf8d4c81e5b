/** One request, many responses: collected whole, or as they come. */
import type * as grpc from "@grpc/grpc-js"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import type { StreamMethod, StreamMethods } from "../../src/npu/messages.ts"
import { WireError } from "../../src/npu/wire.ts"
import type { Connection } from "./connection.ts"
import { streamMethod } from "./methods.ts"
import { errorOfStatus, localError } from "./status.ts"
import { started, within } from "./unary.ts"

/**
 * What a list may come to, bytes as they arrive; more is refused, since all of it is
 * held at once. Each row counts for at least `rowFloor`, about what it takes once it is
 * decoded; a row of a real engine has some 200 bytes, so 16,384 of them fit.
 */
export const listLimit = 16 * 1024 * 1024
const rowFloor = 1024

export const collect = <M extends StreamMethod>(
  connection: Connection,
  name: M,
  request: StreamMethods[M]["request"],
  deadline: Duration.Duration
): Effect.Effect<ReadonlyArray<StreamMethods[M]["response"]>, WireError> =>
  Effect.async((resume) => {
    const rows: Array<StreamMethods[M]["response"]> = []
    let size = 0
    const call = open(connection, name, request, within(deadline), {
      onBytes: (length) => {
        size += Math.max(length, rowFloor)
      },
      onMessage: (row) => {
        if (size <= listLimit) return void rows.push(row)
        rows.length = 0
        if (!(call instanceof WireError)) call.cancel()
        const text = `the list is longer than ${listLimit / 2 ** 20} MiB`
        resume(Effect.fail(localError(name, "RESOURCE_EXHAUSTED", text)))
      },
      onEnd: (error) => resume(error === undefined ? Effect.succeed(rows) : Effect.fail(error))
    })
    if (call instanceof WireError) return resume(Effect.fail(call))
    return Effect.sync(call.cancel)
  })

/** Messages that may wait for a slow consumer before the peer is held back. */
const backlog = 16

export const stream = <M extends StreamMethod>(
  connection: Connection,
  name: M,
  request: StreamMethods[M]["request"]
): Stream.Stream<StreamMethods[M]["response"], WireError> =>
  Stream.asyncScoped<StreamMethods[M]["response"], WireError>((emit) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const call = open(connection, name, request, {}, {
          onMessage: (message) => {
            // One message at a time: what the consumer has not room for stays
            // in the HTTP/2 window, and the peer waits. A consumer that is gone
            // refuses; the call is cancelled then, and nothing is to be resumed.
            if (call instanceof WireError) return
            call.pause()
            emit.single(message).then(call.resume, () => {})
          },
          onEnd: (error) => void (error === undefined ? emit.end() : emit.fail(error)).catch(() => {})
        })
        return call instanceof WireError ? Effect.fail(call) : Effect.succeed(call)
      }),
      (call) => Effect.sync(call.cancel)
    ), backlog)

interface OpenCall {
  /** After it, no listener is called any more. */
  readonly cancel: () => void
  readonly pause: () => void
  readonly resume: () => void
}

const open = <M extends StreamMethod>(
  connection: Connection,
  name: M,
  request: StreamMethods[M]["request"],
  options: grpc.CallOptions,
  listener: {
    /** The length of a message that arrived, before it is decoded. */
    readonly onBytes?: (length: number) => void
    readonly onMessage: (message: StreamMethods[M]["response"]) => void
    readonly onEnd: (error?: WireError) => void
  }
): OpenCall | WireError => {
  const method = streamMethod(name)
  let over = false
  const end = (error?: WireError): void => {
    if (over) return
    over = true
    listener.onEnd(record.ended(error))
  }
  const giveUp = (): void => {
    end(localError(name, "UNAVAILABLE", `${connection.endpoint()} does not answer; the connection was given up`))
    if (!(call instanceof WireError)) call.cancel()
  }
  const record = connection.begin(options.deadline === undefined ? giveUp : undefined)
  const call = started(name, () =>
    record.client.makeServerStreamRequest(
      method.path,
      method.encode,
      (bytes) => {
        listener.onBytes?.(bytes.length)
        return method.decode(bytes)
      },
      request,
      record.metadata,
      options
    ))
  if (call instanceof WireError) {
    record.dropped()
    return call
  }
  // The status comes before `end`, and `end` comes after the last message; a
  // status other than OK is an `error`, with `end` or without.
  call.on("error", (status: grpc.ServiceError) => end(errorOfStatus(name, status)))
  call.on("end", () => end())
  call.on("data", (message: StreamMethods[M]["response"]) => {
    if (over) return
    record.heard()
    listener.onMessage(message)
  })
  return {
    cancel: () => {
      over = true
      record.dropped()
      call.cancel()
    },
    pause: () => void call.pause(),
    resume: () => void call.resume()
  }
}
