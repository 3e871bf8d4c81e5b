/** From grpc-js's callbacks to the backend and back: one handler for each shape of call. */
import * as grpc from "@grpc/grpc-js"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"

import type { ContainerzHandlers, OsHandlers, SystemHandlers } from "../../../proto/definition.ts"
import { format } from "../../../src/model/image.ts"
import type {
  CurrentStreamMethods,
  CurrentUnaryMethod,
  CurrentUnaryMethods,
  DeployRequest,
  DeployResponse,
  LogRequest,
  LogResponse
} from "../../../src/npu/messages.ts"
import type { EngineListMethod } from "../engine/engine.ts"
import { type Refusal, refusal } from "../engine/reply.ts"
import { deploy, type DeployOptions } from "./deploy.ts"
import * as Gate from "./gate.ts"
import * as InBand from "./in-band.ts"

export interface HandlerOptions extends DeployOptions {
  /** Whether errors are codes in answers that end with OK, where there are codes for them. */
  readonly inBand?: boolean
  readonly fork: <A>(effect: Effect.Effect<A>) => Fiber.RuntimeFiber<A>
}

export interface Handlers {
  readonly containerz: ContainerzHandlers
  readonly system: SystemHandlers
  readonly os: OsHandlers
}

export const makeHandlers = (options: HandlerOptions): Handlers => ({
  containerz: {
    Deploy: (call: grpc.ServerDuplexStream<DeployRequest, DeployResponse>) =>
      cancellable(options, call, deploy(call, options)),
    ListImage: list(options, "ListImage"),
    ListContainer: list(options, "ListContainer"),
    ListVolume: list(options, "ListVolume"),
    Log: (call: grpc.ServerWritableStream<LogRequest, LogResponse>) =>
      cancellable(
        options,
        call,
        Gate.pass(
          options.gate,
          "Log",
          Stream.runForEach(options.backend.log(call.request), (msg) => write(call, { msg }))
        )
      ),
    RemoveImage: unary(options, "RemoveImage"),
    StartContainer: unary(options, "StartContainer"),
    StopContainer: unary(options, "StopContainer"),
    RemoveContainer: unary(options, "RemoveContainer"),
    UpdateContainer: unary(options, "UpdateContainer"),
    CreateVolume: unary(options, "CreateVolume"),
    RemoveVolume: unary(options, "RemoveVolume")
  },
  system: { Time: unary(options, "Time") },
  os: { Verify: unary(options, "Verify") }
})

/** What each call is about, for the journal; calls that change nothing are not in it. */
const subjects: { readonly [M in CurrentUnaryMethod]?: (request: CurrentUnaryMethods[M]["request"]) => string } = {
  StartContainer: (request) => request.instanceName,
  StopContainer: (request) => request.instanceName,
  RemoveContainer: (request) => request.name,
  UpdateContainer: (request) => request.instanceName,
  RemoveImage: (request) => format({ repository: request.name, tag: request.tag }),
  CreateVolume: (request) => request.name,
  RemoveVolume: (request) => request.name
}

/** Once let in, a call is acted on to its end, whether or not its caller still waits. */
const unary = <M extends CurrentUnaryMethod>(
  options: HandlerOptions,
  method: M
): grpc.handleUnaryCall<CurrentUnaryMethods[M]["request"], CurrentUnaryMethods[M]["response"]> =>
(call, callback) => {
  const subject = subjects[method]?.(call.request)
  const answered = subject === undefined
    ? undefined
    : options.journal.received({ method, subject, peer: call.getPeer(), request: call.request })
  options.fork(
    Effect.exit(Gate.pass(options.gate, method, options.backend.unary(method, call.request))).pipe(
      Effect.map((exit) => {
        if (Exit.isSuccess(exit)) {
          answered?.({ status: "OK", details: "" })
          callback(null, options.inBand === true ? InBand.accepted(method, exit.value) : exit.value)
        } else {
          const refusal = refusalOf(exit.cause)
          const { code, details } = refusal
          answered?.({ status: code, details })
          const answer = options.inBand === true ? InBand.refused(method, refusal) : undefined
          if (answer === undefined) callback({ code: grpc.status[code], details })
          else callback(null, answer)
        }
      })
    )
  )
}

const list = <M extends EngineListMethod>(
  options: HandlerOptions,
  method: M
): grpc.handleServerStreamingCall<CurrentStreamMethods[M]["request"], CurrentStreamMethods[M]["response"]> =>
(call) =>
  cancellable(
    options,
    call,
    Effect.flatMap(
      Gate.pass(options.gate, method, options.backend.list(method, call.request)),
      (rows) => Effect.forEach(rows, (row) => write(call, row), { discard: true })
    )
  )

/** What calls that stream to the client have in common, whatever their messages. */
interface StreamCall<A> {
  readonly cancelled: boolean
  write(message: A): boolean
  end(): unknown
  emit(event: "error", status: { readonly code: grpc.status; readonly details: string }): boolean
  on(event: "cancelled" | "error", listener: () => void): unknown
  once(event: "drain", listener: () => void): unknown
  off(event: "cancelled" | "drain", listener: () => void): unknown
}

/** A call with a stream: ends with its effect, and its effect ends with it. */
const cancellable = (
  options: HandlerOptions,
  call: StreamCall<never>,
  act: Effect.Effect<void, Refusal>
): void => {
  const gone = Effect.async<void>((resume) => {
    const done = (): void => resume(Effect.void)
    call.on("cancelled", done)
    return Effect.sync(() => call.off("cancelled", done))
  })
  // A stream whose peer goes away emits errors that nobody can act on.
  call.on("error", () => undefined)
  options.fork(
    Effect.exit(Effect.raceFirst(act, gone)).pipe(
      Effect.map((exit) => {
        if (call.cancelled) return
        if (Exit.isSuccess(exit)) call.end()
        else {
          const { code, details } = refusalOf(exit.cause)
          call.emit("error", { code: grpc.status[code], details })
        }
      })
    )
  )
}

const write = <A>(call: StreamCall<A>, message: A): Effect.Effect<void> =>
  Effect.suspend(() =>
    call.write(message) || call.cancelled
      ? Effect.void
      : Effect.async<void>((resume) => {
        const go = (): void => resume(Effect.void)
        call.once("drain", go)
        return Effect.sync(() => call.off("drain", go))
      })
  )

const refusalOf = (cause: Cause.Cause<Refusal>): Refusal => {
  const failure = Cause.failureOption(cause)
  if (failure._tag === "Some") return failure.value
  return Cause.isInterruptedOnly(cause)
    ? refusal("UNAVAILABLE", "the server is shutting down")
    : refusal("INTERNAL", Cause.pretty(cause))
}
