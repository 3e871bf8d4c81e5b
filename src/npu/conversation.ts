/**
 * What is known of the server at the other end: its dialect, what it does not
 * offer, its clock. Found out anew for each connection, from questions without
 * side effects and from the answers to what is asked anyway.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as PubSub from "effect/PubSub"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"

import { monotonic } from "../model/monotonic.ts"
import { sameSpeech, type Speech } from "../model/speech.ts"
import { delay } from "../policy/ladder.ts"
import type { Policy } from "../policy/policy.ts"
import * as Schedules from "../policy/schedules.ts"
import {
  type Described,
  describedBy,
  isUnknownMethod,
  nameOfToday,
  nothingShown,
  type Shown,
  speechOf,
  symbol
} from "./dialect.ts"
import type { MethodName, ReflectionResponse } from "./messages.ts"
import type { WireError, WireService } from "./wire.ts"

/** How the NPU's wall clock stands to this machine's. */
export interface ClockReading {
  /** The NPU's minus ours, milliseconds; right to within half of `took`. */
  readonly difference: number
  readonly took: number
  /** Our wall clock, milliseconds. */
  readonly at: number
}

export interface Conversation {
  /** What this connection has shown. */
  readonly shown: () => Shown
  /** How many there have been: what two calls showed is of one server only where this is the same for both. */
  readonly connections: () => number
  /** What is known now, then each change; never ends. Something is found out only while `attend` runs. */
  readonly speech: Stream.Stream<Speech>
  readonly clock: () => ClockReading | undefined
  /** The list of containers was given by this name, or the server has it by neither. */
  readonly noteList: (name: NonNullable<Shown["lists"]>) => void
  readonly noteError: (error: WireError) => void
  /** An answer carried an in-band code. */
  readonly noteCode: () => void
  /** Asks each connection what it is; runs until interrupted. */
  readonly attend: Effect.Effect<never>
}

export const make = (wire: WireService, policy: Policy, remote: boolean): Effect.Effect<Conversation> =>
  Effect.map(PubSub.unbounded<Speech>(), (hub) => {
    let shown = nothingShown
    let connections = 0
    let known: Speech | undefined
    let clock: ClockReading | undefined
    const deadline = Duration.millis(policy.rpc.Time.deadline)

    const show = (change: Partial<Shown>): void => {
      shown = { ...shown, ...change }
      const speech = speechOf(shown, remote)
      if (speech === undefined || sameSpeech(speech, known)) return
      known = speech
      hub.unsafeOffer(speech)
    }

    const readClock = Effect.gen(function*() {
      const before = yield* Clock.currentTimeMillis
      const { time } = yield* wire.unary("Time", {}, deadline)
      const after = yield* Clock.currentTimeMillis
      const theirs = Number(time) / 1e6
      if (Number.isFinite(theirs)) {
        clock = { difference: Math.round(theirs - (before + after) / 2), took: after - before, at: after }
      }
    }).pipe(
      // A server without a clock to ask has none to compare.
      Effect.catchAll(() => Effect.void)
    )

    /** Connections in a row that broke at the question. */
    let broken = 0
    /** Monotonic milliseconds before which no new connection is asked. */
    let notBefore = 0

    /** To ask may be what breaks it, and the next call connects again: without a pace the two would go round for ever. */
    const noteBroken = Effect.gen(function*() {
      broken += 1
      notBefore = (yield* monotonic) + delay(policy.transfer, broken, yield* Random.next)
    })

    /** A new connection may lead to another server; what needed a code to be known stays. */
    const meet = Effect.fnUntraced(function*(connected: boolean) {
      connections += 1
      shown = { ...nothingShown, codes: shown.codes }
      const wait = notBefore - (yield* monotonic)
      if (connected && wait > 0) yield* Effect.sleep(Duration.millis(wait))
      let first = connected
      const ask = Effect.tapError(described(wire, deadline), (error) => {
        const breaks = first && error.origin === "local"
        first = false
        return breaks ? noteBroken : Effect.void
      })
      const answer = yield* Effect.retry(
        ask,
        { schedule: Schedules.ladder(policy.transfer), while: (error) => error.origin === "local" }
      ).pipe(Effect.catchAll(() => Effect.succeed("none" as const)))
      broken = 0
      show({ described: answer })
      return yield* Effect.forever(
        Effect.zipRight(readClock, Effect.sleep(Duration.millis(policy.clock.period)))
      )
    })

    return {
      shown: () => shown,
      connections: () => connections,
      speech: Stream.unwrapScoped(
        // Subscribed before the present is read, so that nothing falls between.
        Effect.map(
          PubSub.subscribe(hub),
          (queue) => Stream.concat(known === undefined ? Stream.empty : Stream.succeed(known), Stream.fromQueue(queue))
        )
      ),
      clock: () => clock,
      noteList: (lists) => {
        if (shown.lists !== lists) show({ lists })
      },
      noteError: (error) => {
        const method = nameOfToday(error.method)
        if (error.origin !== "peer" || error.code !== "UNIMPLEMENTED" || shown.unsupported.has(method)) return
        if (isReflection(method)) return
        // That one name is unknown says more of the names than of what the server can do.
        if (method === "ListContainer" && isUnknownMethod(error.details)) return
        show({ unsupported: new Set([...shown.unsupported, method]) })
      },
      noteCode: () => {
        if (!shown.codes) show({ codes: true })
      },
      attend: Effect.scoped(Effect.gen(function*() {
        const meeting = yield* FiberHandle.make<never, never>()
        yield* FiberHandle.run(meeting, meet(false))
        const meetEach = Stream.runForEach(
          wire.connection,
          (event) => event._tag === "Connected" ? FiberHandle.run(meeting, meet(true)) : Effect.void
        )
        return yield* Effect.zipRight(Effect.raceFirst(FiberHandle.join(meeting), meetEach), Effect.never)
      }))
    }
  })

const isReflection = (method: MethodName): boolean => method === "Reflection" || method === "ReflectionAlpha"

/** Both versions of reflection are asked; a server that has neither describes nothing. */
const described = (
  wire: WireService,
  deadline: Duration.Duration
): Effect.Effect<Described | "none", WireError> => {
  const ask = (method: "Reflection" | "ReflectionAlpha") =>
    Effect.flatMap(
      wire.collect(method, { fileContainingSymbol: symbol }, deadline),
      (answers: ReadonlyArray<ReflectionResponse>) =>
        // What reads like no description at all describes nothing.
        Effect.orElseSucceed(
          Effect.try((): Described | "none" => describedBy(answers) ?? "none"),
          (): Described | "none" => "none"
        )
    )
  return Effect.catchIf(
    ask("Reflection"),
    (error) => error.origin === "peer",
    () =>
      Effect.catchIf(ask("ReflectionAlpha"), (error) => error.origin === "peer", () => Effect.succeed<"none">("none"))
  )
}
