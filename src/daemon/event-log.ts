/**
 * The one log of events: numbered, timed, kept in the store and, the latest of
 * them, in memory; told to the daemon's own log and to whoever follows.
 *
 * An event that ends an operation is in the store before `append` returns. A
 * storm of equal events is folded; of those that end operations only what the
 * daemon's own log is told is folded, so that the audit has each. What the store
 * could not take is handed to it again with the next event, as far back as the
 * memory goes.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

import type { Event, EventBody, Severity } from "../model/event.ts"
import { monotonic } from "../model/monotonic.ts"
import { ActivePolicy } from "../policy/policy.ts"
import { EventFold, type Told } from "./event-fold.ts"
import { EventStore } from "./event-store.ts"

/** How many of the latest events are in memory: what is not in the store yet, and what a follower may lag behind. */
export const remembered = 256

/** How many are shown to whoever does not say since when. */
const shown = 1000

export interface EventQuery {
  /** ISO 8601 UTC. */
  readonly since?: string
  readonly container?: string
  /** Of this operation, and of the steps of this upgrade. */
  readonly operation?: string
}

export interface EventLogService {
  readonly append: (bodies: ReadonlyArray<EventBody>) => Effect.Effect<void>
  /** What was recorded, oldest first: the last thousand, or all since then or of that operation. */
  readonly past: (query: EventQuery) => Stream.Stream<Event>
  /** The past, then each new event; a reader that lags loses the oldest. */
  readonly follow: (query: EventQuery) => Stream.Stream<Event>
  /** Why events cannot be stored now, and since when in milliseconds since 1970; undefined where they can. */
  readonly unstorable: Effect.Effect<{ readonly reason: string; readonly since: number } | undefined>
}

export class EventLog extends Context.Tag("offloader/EventLog")<EventLog, EventLogService>() {}

export const layer: Layer.Layer<EventLog> = Layer.scoped(
  EventLog,
  Effect.gen(function*() {
    const store = yield* EventStore
    const fold = new EventFold((yield* ActivePolicy).events)
    const alarm = yield* FiberHandle.make<void>()
    const hub = yield* PubSub.sliding<Event>(remembered)
    const turn = yield* Effect.makeSemaphore(1)
    const newest = yield* Effect.option(Stream.runLast(store.read({ last: 1 })))
    let sequence = Option.getOrElse(Option.map(Option.flatten(newest), (event) => event.sequence), () => 0)
    /** The latest, and which of them the store does not have yet. */
    let latest: ReadonlyArray<Event> = []
    let unstored: ReadonlyArray<Event> = []
    let fault: { readonly reason: string; readonly since: number } | undefined

    const append = Effect.fn("EventLog.append")(function*(bodies: ReadonlyArray<EventBody>) {
      if (bodies.length === 0) return
      const mono = yield* monotonic
      const folded = bodies.map((body) => ({ body, told: fold.add(body, mono) }))
      yield* record(folded.flatMap(({ body, told }) => told ?? (endsOperation(body) ? body : [])))
      yield* Effect.forEach(folded, ({ told }) => told === undefined ? Effect.void : write(told), { discard: true })
      yield* setAlarm
    })

    /** A summary comes by itself, also where the storm is over. */
    const setAlarm: Effect.Effect<void> = Effect.suspend(() =>
      fold.nextSummary === undefined
        ? Effect.void
        : Effect.asVoid(FiberHandle.run(alarm, summarise, { onlyIfMissing: true }))
    )

    const summarise = Effect.gen(function*() {
      for (let at = fold.nextSummary; at !== undefined; at = fold.nextSummary) {
        yield* Effect.sleep(Duration.millis(Math.max(1, at - (yield* monotonic))))
        yield* sum(fold.summaries(yield* monotonic))
      }
    })

    const sum = (summaries: ReadonlyArray<Told>): Effect.Effect<void> =>
      Effect.zipRight(
        record(summaries.filter((summary) => !endsOperation(summary))),
        Effect.forEach(summaries, write, { discard: true })
      )

    /** In turn, so that numbers stand in order; finished once begun. */
    const record = (bodies: ReadonlyArray<Told>): Effect.Effect<void> =>
      bodies.length === 0
        ? Effect.void
        : Effect.uninterruptible(
          turn.withPermits(1)(Effect.gen(function*() {
            const now = yield* Clock.currentTimeMillis
            const added = bodies.map((body) => numbered(body, now))
            const turned = yield* keep(added, now)
            if (turned !== undefined) {
              const event = numbered(turned, now)
              unstored = [...unstored, event]
              added.push(event)
              yield* write(event)
            }
            latest = [...latest, ...added].slice(-remembered)
            yield* PubSub.publishAll(hub, added)
          }))
        )

    const numbered = (body: Told, now: number): Event => ({
      sequence: (sequence += 1),
      at: new Date(now).toISOString(),
      ...body
    })

    /** What there is to say of the store itself: that it fails, once, and that it has caught up. Nothing else waits for it. */
    const keep = Effect.fnUntraced(function*(added: ReadonlyArray<Event>, now: number) {
      const waiting = [...unstored, ...added]
      const kept = yield* Effect.either(store.append(waiting, waiting.some(endsOperation)))
      const failing = fault !== undefined
      if (Either.isRight(kept)) {
        unstored = []
        fault = undefined
        return failing ? storedAgain : undefined
      }
      const { reason } = kept.left
      unstored = waiting.slice(-remembered)
      if (failing) return undefined
      fault = { reason, since: now }
      return notStored(reason)
    })

    const past = (query: EventQuery): Stream.Stream<Event> =>
      Stream.suspend(() => {
        const recent = latest
        const first = recent[0]?.sequence ?? Number.POSITIVE_INFINITY
        const span = query.since !== undefined
          ? { since: query.since }
          : query.operation !== undefined
          ? { since: "" }
          : { last: shown }
        return store.read(span).pipe(
          // Then memory is all there is.
          Stream.catchAll(({ reason }) =>
            Stream.drain(
              Stream.fromEffect(Effect.annotateLogs(Effect.logWarning("stored events cannot be read"), { reason }))
            )
          ),
          Stream.takeWhile((event) => event.sequence < first),
          Stream.concat(Stream.fromIterable(recent)),
          Stream.filter((event) => wanted(event, query))
        )
      })

    const follow = (query: EventQuery) =>
      Stream.unwrapScoped(
        Effect.gen(function*() {
          // Subscribed before the past is read, so that nothing falls between.
          const queue = yield* PubSub.subscribe(hub)
          const last = latest.at(-1)?.sequence ?? 0
          return Stream.concat(
            past(query),
            Stream.filter(Stream.fromQueue(queue), (event) => event.sequence > last && wanted(event, query))
          )
        })
      )

    yield* Effect.addFinalizer(() => Effect.flatMap(monotonic, (mono) => sum(fold.close(mono))))

    return { append, past, follow, unstorable: Effect.sync(() => fault) }
  })
)

const endsOperation = (body: EventBody): boolean => body.outcome !== undefined

const wanted = (event: Event, query: EventQuery): boolean =>
  (query.since === undefined || event.at >= query.since)
  && (query.container === undefined || event.container === query.container)
  && (query.operation === undefined || event.operation === query.operation || event.partOf === query.operation)

const notStored = (reason: string): EventBody => ({
  severity: "error",
  reason: "EventsNotStored",
  message:
    `Events cannot be stored: ${reason}. Everything else goes on; the last ${remembered} are stored once that works again.`
})

const storedAgain: EventBody = {
  severity: "notice",
  reason: "EventsStored",
  message: "Events are stored again."
}

const levels: Record<Severity, (message: string) => Effect.Effect<void>> = {
  info: Effect.logDebug,
  notice: Effect.logInfo,
  warning: Effect.logWarning,
  error: Effect.logError
}

const write = (event: EventBody): Effect.Effect<void> =>
  Effect.annotateLogs(
    levels[event.severity](event.message),
    event.container === undefined ? { reason: event.reason } : { reason: event.reason, container: event.container }
  )
