/** One request, one response. */
import type * as grpc from "@grpc/grpc-js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import type { MethodName, UnaryMethod, UnaryMethods } from "../../src/npu/messages.ts"
import { WireError } from "../../src/npu/wire.ts"
import type { Connection } from "./connection.ts"
import { unaryMethod } from "./methods.ts"
import { errorOfStatus, localError } from "./status.ts"

export const unary = <M extends UnaryMethod>(
  connection: Connection,
  name: M,
  request: UnaryMethods[M]["request"],
  deadline: Duration.Duration
): Effect.Effect<UnaryMethods[M]["response"], WireError> =>
  Effect.async((resume) => {
    const method = unaryMethod(name)
    const record = connection.begin()
    let interrupted = false
    const call = started(name, () =>
      record.client.makeUnaryRequest(
        method.path,
        method.encode,
        method.decode,
        request,
        record.metadata,
        within(deadline),
        (status, response) => {
          if (interrupted) return
          const error = record.ended(status === null ? undefined : errorOfStatus(name, status))
          resume(error === undefined ? Effect.succeed(response!) : Effect.fail(error))
        }
      ))
    if (call instanceof WireError) return resume(Effect.fail(call))
    return Effect.sync(() => {
      interrupted = true
      record.dropped()
      call.cancel()
    })
  })

/** The deadline of a call that starts now; an infinite one is none. */
export const within = (deadline: Duration.Duration): grpc.CallOptions =>
  Duration.isFinite(deadline) ? { deadline: Date.now() + Duration.toMillis(deadline) } : {}

/** grpc-js throws when a call is made on a channel that is closed. */
export const started = <Call>(name: MethodName, start: () => Call): Call | WireError => {
  try {
    return start()
  } catch (error) {
    return localError(name, "UNAVAILABLE", error instanceof Error ? error.message : String(error))
  }
}
