/**
 * Shows the switch's own tools how this DPU's containers are: a hash for each in
 * STATE_DB, `OFFLOAD_CONTAINER_TABLE|<container>`, written when it changes.
 *
 * The table is ours: it is cleared at the start, so that nothing stale is left of
 * a daemon before, and at the end. Redis may be absent, go and come back: that is
 * said once each time, and whoever waits for Redis is this alone.
 */
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"

import type { StatusRow, StatusRows } from "../../src/daemon/status-rows.ts"
import type { EventBody } from "../../src/model/event.ts"
import { type Database, findDatabase } from "./database-config.ts"
import type * as RedisClient from "./redis.ts"

const table = "OFFLOAD_CONTAINER_TABLE"

export interface StateDbOptions {
  /** Stands before every path that is read; "/" where nothing is said. */
  readonly root?: string
  /** Loads the client of Redis, which nobody but a switch needs. */
  readonly client: () => Promise<typeof RedisClient>
  /** The rows now, again and again. */
  readonly rows: Stream.Stream<StatusRows>
  readonly tell: (notice: EventBody) => Effect.Effect<void>
  /** Between two attempts to reach a Redis that is not there; 5 s. */
  readonly retry?: Duration.DurationInput
}

class StateDbError extends Data.TaggedError("StateDbError")<{ readonly reason: string }> {}

/** Never fails, never ends. */
export const publish = (options: StateDbOptions): Effect.Effect<never> =>
  Effect.suspend(() => {
    let missing = false
    const told = (now: boolean, notice: EventBody) =>
      Effect.suspend(() => {
        if (missing === now) return Effect.void
        missing = now
        return options.tell(notice)
      })
    return published(options, told(false, present)).pipe(
      Effect.scoped,
      // Of a defect too nobody else may suffer.
      Effect.catchAllDefect((defect) => new StateDbError({ reason: String(defect) })),
      Effect.catchAll(({ reason }) =>
        told(true, {
          severity: "warning",
          reason: "StateDbUnavailable",
          message: `STATE_DB does not show how the containers are: ${reason}. Nothing else depends on it; `
            + "it is written again once Redis is back."
        })
      ),
      Effect.repeat(Schedule.spaced(options.retry ?? "5 seconds")),
      Effect.zipRight(Effect.never)
    )
  })

const present: EventBody = {
  severity: "notice",
  reason: "StateDbWritten",
  message: "STATE_DB shows again how the containers are."
}

/** Writes until Redis is lost. */
const published = (options: StateDbOptions, whenClear: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const database = yield* Effect.flatMap(
      findDatabase("STATE_DB", options.root === undefined ? {} : { root: options.root }),
      Either.mapLeft((reason) => new StateDbError({ reason }))
    )
    const writer = yield* opened(options, database)
    const prefix = `${table}${database.separator}`
    const clear = attempt(() => writer.clear(prefix))
    yield* clear
    yield* Effect.addFinalizer(() => Effect.ignore(clear))
    yield* whenClear
    const written = new Map<string, StatusRow>()
    const lost = Effect.flatMap(
      Effect.promise(() => writer.lost),
      (reason) => new StateDbError({ reason: `Redis was lost: ${reason}` })
    )
    const writing = Stream.runForEach(options.rows, (rows) =>
      Effect.forEach(rows, ([name, row]) =>
        Effect.gen(function*() {
          const before = written.get(name)
          const same = before !== undefined && Equal.equals(Data.struct(before), Data.struct(row))
          if (same) {
            return
          }
          const update_time = new Date(yield* Clock.currentTimeMillis).toISOString()
          yield* attempt(() =>
            writer.put(`${prefix}${name}`, { ...row, update_time })
          )
          written.set(name, row)
        }), { discard: true }))
    yield* Effect.raceFirst(writing, lost)
  })

const opened = ({ client }: StateDbOptions, database: Database) =>
  Effect.acquireRelease(
    attempt(async () => await (await client()).openWriter(database)),
    (writer) => Effect.sync(writer.close)
  )

const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, StateDbError> =>
  Effect.tryPromise({
    try: work,
    catch: (error) =>
      new StateDbError({ reason: `Redis cannot be written: ${error instanceof Error ? error.message : String(error)}` })
  })
