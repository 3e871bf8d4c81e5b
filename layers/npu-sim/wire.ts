/**
 * `Wire` over the in-memory engine, without a socket: for tests and for the
 * simulator. Statuses of the engine arise at the `peer`; those of the
 * connection, of deadlines and of sources are `local`, as over a real channel.
 *
 * As on a real server a deadline or an interruption ends the waiting, never the
 * action, but for an upload that is not yet whole.
 */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

import type { LogRequest, LogResponse, MethodName, StreamMethod, StreamMethods } from "../../src/npu/messages.ts"
import { type ConnectionEvent, type GrpcCode, WireError, type WireService } from "../../src/npu/wire.ts"
import { type Engine, type EngineListMethod, unknownMethod } from "./engine/engine.ts"
import { follow } from "./engine/follow.ts"
import { Later, type Refusal, refuse, type Reply } from "./engine/reply.ts"
import { upload } from "./wire-deploy.ts"

export { describedSource } from "./wire-deploy.ts"

export interface MemoryWireOptions {
  /** For messages; `npu-sim:memory` by default. */
  readonly endpoint?: string
  /** What `image_transfer_ready` asks for, bytes; 1 MiB by default. */
  readonly chunkSize?: number
  /** Pace of uploads, bytes a second; unlimited by default. */
  readonly bytesPerSecond?: number
  /** Whether the way from the NPU swallows now what a log says, and that it ends; never by default. */
  readonly swallowsLogs?: () => boolean
}

type Collectors = {
  readonly [M in StreamMethod]: (
    request: StreamMethods[M]["request"],
    deadline: Duration.Duration
  ) => Effect.Effect<ReadonlyArray<StreamMethods[M]["response"]>, WireError>
}

type Streams = {
  readonly [M in StreamMethod]: (
    request: StreamMethods[M]["request"]
  ) => Stream.Stream<StreamMethods[M]["response"], WireError>
}

/** The hand on the connection. */
export interface Connection {
  /** Breaks what is under way and refuses what comes: UNAVAILABLE, `local`. */
  readonly disconnect: (reason: string) => void
  /** Lets calls through again; the next one connects. */
  readonly restore: () => void
  /** The server closes an idle connection; the next call connects again. */
  readonly closeIdle: () => void
}

export interface MemoryWire {
  readonly wire: WireService
  readonly connection: Connection
}

export const make = (engine: Engine, options: MemoryWireOptions = {}): Effect.Effect<MemoryWire> =>
  Effect.gen(function*() {
    const events = yield* PubSub.unbounded<ConnectionEvent>()
    const breakers = new Set<(reason: string) => void>()
    const { swallowsLogs = never } = options
    let cut: string | undefined
    let connected = false

    const drop = (reason: string, routine: boolean): void => {
      if (!connected) return
      connected = false
      events.unsafeOffer({ _tag: "Disconnected", reason, routine })
    }

    /** The error of a call that finds the way cut, or `undefined`. */
    const enter = (method: MethodName): WireError | undefined => {
      if (cut !== undefined) return local(method, "UNAVAILABLE", cut)
      if (!connected) {
        connected = true
        events.unsafeOffer({ _tag: "Connected" })
      }
      return undefined
    }

    /** Fails when the connection breaks; never succeeds. */
    const broken = (method: MethodName): Effect.Effect<never, WireError> =>
      Effect.async((resume) => {
        const breaker = (reason: string): void => resume(Effect.fail(local(method, "UNAVAILABLE", reason)))
        breakers.add(breaker)
        return Effect.sync(() => breakers.delete(breaker))
      })

    const settle = <A>(
      method: MethodName,
      reply: Reply<A>,
      deadline: Duration.Duration
    ): Effect.Effect<A, WireError> => {
      if (!(reply instanceof Later)) {
        return Either.isRight(reply)
          ? Effect.succeed(reply.right)
          : peer(method, reply.left)
      }
      return Effect.async<A, WireError>((resume) => {
        const stop = reply.onSettled((answer) =>
          resume(Either.isRight(answer) ? Effect.succeed(answer.right) : peer(method, answer.left))
        )
        return Effect.sync(stop)
      }).pipe(
        Effect.raceFirst(broken(method)),
        Effect.timeoutFail({
          duration: deadline,
          onTimeout: () => local(method, "DEADLINE_EXCEEDED", `no answer within ${Duration.format(deadline)}`)
        })
      )
    }

    const log = (request: LogRequest): Stream.Stream<LogResponse, WireError> =>
      Stream.asyncPush<LogResponse, WireError>((emit) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const refused = enter("Log")
            if (refused !== undefined) {
              emit.fail(refused)
              return () => undefined
            }
            const breaker = (reason: string): void => void emit.fail(local("Log", "UNAVAILABLE", reason))
            breakers.add(breaker)
            const stop = follow(engine, request, {
              text: (text) => {
                if (!swallowsLogs()) emit.single({ msg: text })
              },
              end: () => {
                if (!swallowsLogs()) emit.end()
              },
              refuse: (refusal) => void emit.fail(peerError("Log", refusal))
            })
            return () => {
              breakers.delete(breaker)
              stop()
            }
          }),
          (stop) => Effect.sync(stop)
        ), { bufferSize: "unbounded" })

    const wholeLog = (request: LogRequest, deadline: Duration.Duration) =>
      Stream.runCollect(log(request)).pipe(
        Effect.map(Chunk.toReadonlyArray),
        Effect.timeoutFail({
          duration: deadline,
          onTimeout: () => local("Log", "DEADLINE_EXCEEDED", `no end within ${Duration.format(deadline)}`)
        })
      )

    const rows = <M extends EngineListMethod>(method: M, request: StreamMethods[M]["request"]) => {
      const refused = enter(method)
      if (refused !== undefined) return Effect.fail(refused)
      const answer = engine.collect(method, request)
      return Either.isRight(answer) ? Effect.succeed(answer.right) : peer(method, answer.left)
    }

    /** Something that this server does not have: the connection is made all the same. */
    const absent = (method: MethodName, answer: Either.Either<never, Refusal>): Effect.Effect<never, WireError> =>
      Effect.suspend(() => {
        const refused = enter(method)
        return refused === undefined ? peer(method, Either.getOrThrow(Either.flip(answer))) : Effect.fail(refused)
      })

    /** One entry for each method, so that each keeps its own types. */
    const collectors: Collectors = {
      ListContainer: (request) => Effect.suspend(() => rows("ListContainer", request)),
      ListImage: (request) => Effect.suspend(() => rows("ListImage", request)),
      ListVolume: (request) => Effect.suspend(() => rows("ListVolume", request)),
      Log: wholeLog,
      List: () => absent("List", unknownMethod("List")),
      Reflection: () => absent("Reflection", noReflection),
      ReflectionAlpha: () => absent("ReflectionAlpha", noReflection)
    }

    const streams: Streams = {
      ListContainer: (request) => Stream.fromIterableEffect(collectors.ListContainer(request, Duration.infinity)),
      ListImage: (request) => Stream.fromIterableEffect(collectors.ListImage(request, Duration.infinity)),
      ListVolume: (request) => Stream.fromIterableEffect(collectors.ListVolume(request, Duration.infinity)),
      Log: log,
      List: (request) => Stream.fromIterableEffect(collectors.List(request, Duration.infinity)),
      Reflection: (request) => Stream.fromIterableEffect(collectors.Reflection(request, Duration.infinity)),
      ReflectionAlpha: (request) => Stream.fromIterableEffect(collectors.ReflectionAlpha(request, Duration.infinity))
    }

    const wire: WireService = {
      endpoint: options.endpoint ?? "npu-sim:memory",
      unary: (method, request, deadline) =>
        Effect.suspend(() => {
          const refused = enter(method)
          return refused === undefined ? settle(method, engine.unary(method, request), deadline) : Effect.fail(refused)
        }),
      collect: (method, request, deadline) => collectors[method](request, deadline),
      stream: (method, request) => streams[method](request),
      deploy: (call) =>
        Effect.suspend(() => {
          const refused = enter("Deploy")
          return refused === undefined
            ? Effect.raceFirst(
              upload(engine, call, {
                chunkSize: options.chunkSize ?? 2 ** 20,
                bytesPerSecond: options.bytesPerSecond,
                settle: (reply) => settle("Deploy", reply, call.loadTimeout)
              }),
              broken("Deploy")
            )
            : Effect.fail(refused)
        }),
      connection: Stream.fromPubSub(events)
    }

    return {
      wire,
      connection: {
        disconnect: (reason) => {
          cut = reason
          drop(reason, false)
          for (const breaker of Array.from(breakers)) breaker(reason)
        },
        restore: () => {
          cut = undefined
        },
        closeIdle: () => drop("the server closed the idle connection", true)
      }
    }
  })

const never = (): boolean => false

const noReflection = refuse("UNIMPLEMENTED", "unknown service grpc.reflection.v1.ServerReflection")

const local = (method: MethodName, code: GrpcCode, details: string): WireError =>
  new WireError({ method, code, origin: "local", details })

const peerError = (method: MethodName, refusal: Refusal): WireError =>
  new WireError({ method, code: refusal.code, origin: "peer", details: refusal.details })

const peer = (method: MethodName, refusal: Refusal): Effect.Effect<never, WireError> =>
  Effect.fail(peerError(method, refusal))
