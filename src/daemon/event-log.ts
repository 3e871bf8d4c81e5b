/** The daemon's memory of events: folded, numbered, timed, remembered to a bound, told to whoever follows. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

import type { Event, EventBody, Severity } from "../model/event.ts"
import { monotonic } from "../model/monotonic.ts"
import { ActivePolicy } from "../policy/policy.ts"
import { EventFold, type Told } from "./event-fold.ts"

/** How many events are remembered for `offloadctl events`; older ones are in the journal file. */
export const remembered = 1000

export interface EventLogService {
  readonly append: (bodies: ReadonlyArray<EventBody>) => Effect.Effect<void>
  readonly recent: Effect.Effect<ReadonlyArray<Event>>
  /** What is remembered, then each new event; a reader that lags loses the oldest. */
  readonly follow: Stream.Stream<Event>
}

export class EventLog extends Context.Tag("offloader/EventLog")<EventLog, EventLogService>() {}

/** Where events go besides the log: a journal file, a table, a wire. Never fails. */
export class EventSink extends Context.Reference<EventSink>()("offloader/EventSink", {
  defaultValue: (): (events: ReadonlyArray<Event>) => Effect.Effect<void> => () => Effect.void
}) {}

export const layer: Layer.Layer<EventLog> = Layer.scoped(
  EventLog,
  Effect.gen(function*() {
    const sink = yield* EventSink
    const fold = new EventFold((yield* ActivePolicy).events)
    const alarm = yield* FiberHandle.make<void>()
    const hub = yield* PubSub.sliding<Event>(remembered)
    let events: ReadonlyArray<Event> = []
    let sequence = 0

    const append = Effect.fn("EventLog.append")(function*(bodies: ReadonlyArray<EventBody>) {
      if (bodies.length === 0) return
      const mono = yield* monotonic
      yield* tell(bodies.flatMap((body) => fold.add(body, mono) ?? []))
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
        yield* tell(fold.summaries(yield* monotonic))
      }
    })

    const tell = Effect.fnUntraced(function*(bodies: ReadonlyArray<Told>) {
      if (bodies.length === 0) return
      const at = new Date(yield* Clock.currentTimeMillis).toISOString()
      const added = bodies.map((body): Event => ({ sequence: (sequence += 1), at, ...body }))
      events = [...events, ...added].slice(-remembered)
      yield* PubSub.publishAll(hub, added)
      yield* Effect.forEach(added, write, { discard: true })
      yield* sink(added)
    })

    const follow = Stream.unwrapScoped(
      Effect.gen(function*() {
        // Subscribed before the past is read, so that nothing falls between.
        const queue = yield* PubSub.subscribe(hub)
        const past = events
        const last = past.at(-1)?.sequence ?? 0
        return Stream.concat(
          Stream.fromIterable(past),
          Stream.filter(Stream.fromQueue(queue), (event) => event.sequence > last)
        )
      })
    )

    yield* Effect.addFinalizer(() => Effect.flatMap(monotonic, (mono) => tell(fold.close(mono))))

    return { append, recent: Effect.sync(() => events), follow }
  })
)

const levels: Record<Severity, (message: string) => Effect.Effect<void>> = {
  info: Effect.logDebug,
  notice: Effect.logInfo,
  warning: Effect.logWarning,
  error: Effect.logError
}

const write = (event: Event): Effect.Effect<void> =>
  Effect.annotateLogs(
    levels[event.severity](event.message),
    event.container === undefined ? { reason: event.reason } : { reason: event.reason, container: event.container }
  )
