/**
 * `Wire` over the in-memory NPU's, with a faulty way between. A request travels,
 * arrives, is carried out, and its reply travels back; each of these can be
 * slow, lost, doubled or broken. What has arrived is carried out whatever
 * becomes of the daemon that asked.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"

import type { TransportFault } from "../../src/model/transport-fault.ts"
import type {
  ListContainerResponse,
  ListImageResponse,
  MethodName,
  ReflectionResponse
} from "../../src/npu/messages.ts"
import { type ConnectionEvent, type GrpcCode, WireError, type WireService } from "../../src/npu/wire.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import type { Call, Entry } from "../../src/simulate/trace.ts"
import type { Link, OpenCall } from "./link.ts"
import type { ProcessScheduler } from "./scheduler.ts"
import type { Server } from "./server.ts"
import type { SimulatedTime, Timer } from "./time.ts"

/** Where the NPU's part of a call runs. */
export interface NpuSide {
  readonly process: ProcessScheduler
  readonly clock: Clock.Clock
}

export interface FaultyWireOptions {
  readonly inner: WireService
  readonly link: Link
  readonly time: SimulatedTime
  readonly chance: Chance
  readonly record: (entry: Entry) => void
  /** The daemon that calls. */
  readonly process: ProcessScheduler
  readonly dpu: number
  readonly life: number
  /** Where the NPU's side of a call runs; it outlives the daemon. */
  readonly npu: NpuSide
  readonly nextCall: () => number
  /** Whether the server has Log, whatever else takes its place. */
  readonly offersLogs: boolean
  readonly server: Server
  /** Containers that lists show in no clear state. */
  readonly unclear: ReadonlySet<string>
}

type Described = Pick<Call, "method" | "container" | "image" | "force" | "all">

export const make = (options: FaultyWireOptions): WireService => {
  const { chance, dpu, inner, life, link, npu, process, record, server, time } = options

  /** Milliseconds that a message travels. */
  const travel = (): number => chance.between(0.1, 0.6)

  const invoke = <A>(
    described: Described,
    carriedOut: Effect.Effect<A, WireError>,
    deadline: number,
    rowsOf: (answer: A) => ReadonlyArray<ListContainerResponse> | undefined
  ): Effect.Effect<A, WireError> =>
    Effect.async<A, WireError>((resume) => {
      const upload = described.method === "Deploy"
      const call: Call = { ...described, number: options.nextCall(), dpu, life, begun: time.now }
      let ended = false
      let carrying: Fiber.RuntimeFiber<A, WireError> | undefined
      let timer: Timer | undefined

      const end = (): boolean => {
        if (ended) return false
        ended = true
        if (timer !== undefined) time.cancel(timer)
        link.calls.delete(open)
        // A server notices that an upload ends; whatever else it was asked, it does.
        if (upload) carrying?.unsafeInterruptAsFork(FiberId.none)
        return process.alive
      }
      const fail = (code: GrpcCode, origin: "local" | "peer", details: string, fault?: TransportFault): void => {
        if (!end()) return
        record({ _tag: "Answered", at: time.now, call, error: { code, origin }, rows: undefined, images: undefined })
        resume(
          Effect.fail(
            new WireError({
              method: described.method,
              code,
              origin,
              details,
              ...(fault === undefined ? {} : { fault })
            })
          )
        )
      }
      const succeed = (answer: A): void => {
        if (!end()) return
        record({
          _tag: "Answered",
          at: time.now,
          call,
          error: undefined,
          rows: rowsOf(answer),
          images: described.method === "ListImage" ? imagesOf(answer) : undefined
        })
        resume(Effect.succeed(answer))
      }
      const answered = (exit: Exit.Exit<A, WireError>): void => {
        if (Exit.isSuccess(exit)) return succeed(exit.value)
        const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
        if (error !== undefined) fail(error.code, error.origin, error.details)
      }

      /** Swallowed by a cut: lost, or sent again by the transport once the cut has ended. */
      const held = (message: () => void): void => {
        if (upload) stall()
        link.whenMended(() => {
          if (chance.hits(0.5)) time.after(travel(), message)
        })
      }

      const reply = (exit: Exit.Exit<A, WireError>): void => {
        if (ended) return
        const slow = upload ? undefined : link.hit("SlowReplies")
        time.after(travel() + (slow === undefined ? 0 : slow.chance.logarithmic(1, Math.max(2, slow.delay))), () => {
          if (ended) return
          if (link.swallowsReplies) return held(() => answered(exit))
          if (!upload && link.hit("LostReplies") !== undefined) return
          if (link.hit("BrokenReplies") !== undefined) return link.reset("the connection broke")
          if (described.method === "ListContainer" && link.hit("PartialLists") !== undefined) {
            return chance.hits(0.5)
              ? fail("INTERNAL", "peer", "the list broke off")
              : fail("UNAVAILABLE", "local", "the stream ended within the list")
          }
          answered(exit)
        })
      }

      const carryOut = (duplicate: boolean): void => {
        record({ _tag: "Arrived", at: time.now, call, duplicate })
        const refusal = server.refusalOf(described.method, described.container)
        if (refusal !== undefined) {
          if (!duplicate) time.after(refusal.delay, () => reply(Exit.fail(refusal.error)))
          return
        }
        const faulty = upload || duplicate ? undefined : link.hit("ServerFaults")
        if (faulty?.chance.hits(0.5) === true) return reply(Exit.fail(internal(described.method)))
        const fiber = Runtime.runFork(Runtime.defaultRuntime, carriedOut, { scheduler: npu.process })
        if (duplicate) return
        if (upload) carrying = fiber
        fiber.addObserver((exit) => reply(faulty === undefined ? exit : Exit.fail(internal(described.method))))
      }

      const arrive = (duplicate: boolean): void => {
        // An upload that its client has given up is not begun; anything else may still arrive.
        if (upload && ended) return
        if (link.refuses) return
        if (link.swallowsRequests) return held(() => arrive(duplicate))
        if (!upload && link.hit("LostRequests") !== undefined) return
        carryOut(duplicate)
      }

      const expire = (): void => fail("DEADLINE_EXCEEDED", "local", `no answer within ${deadline / 1000} s`)
      /** An upload comes to a halt, and is given up when nothing has moved for long enough. */
      const stall = (): void => {
        if (!upload || ended) return
        carrying?.unsafeInterruptAsFork(FiberId.none)
        timer ??= time.after(deadline, expire)
      }
      const open: OpenCall = {
        breakOff: (reason) => fail("UNAVAILABLE", "local", reason, "ConnectionLost"),
        stall,
        abandon: () => void end()
      }
      link.calls.add(open)
      if (!upload) timer = time.after(deadline, expire)
      record({ _tag: "Called", at: time.now, call })
      if (link.refuses) {
        time.after(travel(), () => fail("UNAVAILABLE", "local", "the connection was refused", "Refused"))
      } else {
        time.after(travel(), () => arrive(false))
        if (!upload && link.hit("DuplicatedRequests") !== undefined) {
          time.after(travel() + chance.logarithmic(0.5, 3000), () => arrive(true))
        }
      }
      return Effect.sync(() => {
        if (end()) record({ _tag: "Cancelled", at: time.now, call })
      })
    })

  const obscure = <Row>(row: Row): Row => {
    const { name } = row as { readonly name?: string }
    return name !== undefined && options.unclear.has(name.slice(1)) ? { ...row, status: "UNSPECIFIED" } : row
  }

  let told: { readonly event: ConnectionEvent } | undefined
  const onNpu = Effect.withClock(npu.clock)

  return {
    endpoint: inner.endpoint,
    unary: (method, request, deadline) =>
      invoke(
        describe(method, request),
        onNpu(inner.unary(method, request, deadline)),
        Duration.toMillis(deadline),
        nothing
      ),
    collect: (method, request, deadline) =>
      invoke(
        describe(method, request),
        method === "ListContainer" && options.unclear.size > 0
          ? Effect.map(inner.collect(method, request, deadline), (rows) => rows.map(obscure))
          : method === "Reflection" && server.reflection !== undefined
          ? reflected(server.reflection)
          : inner.collect(method, request, deadline),
        Duration.toMillis(deadline),
        (rows) => method === "ListContainer" ? rows as unknown as ReadonlyArray<ListContainerResponse> : undefined
      ),
    stream: (method, request) =>
      method === "Log" && (!options.offersLogs || server.lacks(method))
        ? Stream.fail(unimplemented(method))
        : inner.stream(method, request),
    deploy: (call) =>
      invoke(
        { ...describe("Deploy", {}), image: `${call.transfer.name}:${call.transfer.tag}` },
        onNpu(inner.deploy(call)),
        Duration.toMillis(call.idleTimeout),
        nothing
      ),
    // Several listen; what the connection does is told once.
    connection: Stream.tap(inner.connection, (event) =>
      Effect.sync(() => {
        if (told?.event === event) return
        told = { event }
        record({
          _tag: "Connection",
          at: time.now,
          dpu,
          event: event._tag === "Connected" ? "connected" : event.routine ? "closed" : "lost"
        })
      }))
  }
}

const reflected = <A>(description: ReadonlyArray<ReflectionResponse>): Effect.Effect<ReadonlyArray<A>> =>
  Effect.succeed(description as unknown as ReadonlyArray<A>)

const unimplemented = (method: MethodName): WireError =>
  new WireError({ method, code: "UNIMPLEMENTED", origin: "peer", details: `unknown method ${method}` })

const imagesOf = (rows: unknown): ReadonlyArray<string> =>
  (rows as ReadonlyArray<ListImageResponse>).map(({ imageName, tag }) => `${imageName}:${tag}`)

const nothing = (): undefined => undefined

const internal = (method: MethodName): WireError =>
  new WireError({ method, code: "INTERNAL", origin: "peer", details: "the server failed inside" })

/** What of a request the trace tells. */
const describe = (method: MethodName, request: object): Described => {
  const fields = request as Readonly<Record<string, unknown>>
  const text = (key: string): string => typeof fields[key] === "string" ? fields[key] : ""
  const name = text("instanceName")
  const image = method === "RemoveImage" ? text("name") : text("imageName")
  return {
    method,
    container: name === "" && method === "RemoveContainer" ? text("name") : name,
    image: image === "" ? "" : `${image}:${text("tag")}`,
    force: fields["force"] === true,
    all: fields["all"] === true
  }
}
