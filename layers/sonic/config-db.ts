/**
 * What CONFIG_DB says of the gNOI server, now and at each change.
 *
 * Redis replays nothing, so the changes are subscribed to first, then the rows
 * are read, and now and then they are read again: a notification can be lost, and
 * not every Redis is told to send them.
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"

import type { Database } from "./database-config.ts"
import { findDatabase } from "./database-config.ts"
import type { GnmiRows } from "./gnmi-settings.ts"
import type * as RedisClient from "./redis.ts"

/** Rows, or why there are none to be had, a sentence for people. */
export type ConfigReading =
  | { readonly _tag: "Rows"; readonly rows: GnmiRows }
  | { readonly _tag: "Unreadable"; readonly reason: string }

export interface ConfigDbOptions {
  /** Stands before every path that is read; "/" where nothing is said. */
  readonly root?: string
  /** Loads the client of Redis, which nobody but a switch needs. */
  readonly client: () => Promise<typeof RedisClient>
  /** How often everything is read again although nothing was heard; 30 s. */
  readonly resync?: Duration.DurationInput
  /** Between two attempts to reach a Redis that is not there; 2 s. */
  readonly retry?: Duration.DurationInput
}

class ConfigDbError extends Data.TaggedError("ConfigDbError")<{ readonly reason: string }> {}

/** The reading now, then each change of it. Never fails, never ends. */
export const gnmiRows = (options: ConfigDbOptions): Stream.Stream<ConfigReading> =>
  Stream.asyncScoped<ConfigReading>((emit) => {
    const tell = (reading: ConfigReading) => Effect.promise(() => emit.single(reading))
    return Effect.forkScoped(
      Effect.retry(
        Effect.tapError(
          Effect.scoped(followed(options, (rows) => tell({ _tag: "Rows", rows }))),
          ({ reason }) => tell({ _tag: "Unreadable", reason })
        ),
        Schedule.spaced(options.retry ?? "2 seconds")
      )
    )
  }).pipe(Stream.changesWith(sameReading))

/** Reads until the connection is lost. */
const followed = (options: ConfigDbOptions, tell: (rows: GnmiRows) => Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const root = options.root === undefined ? {} : { root: options.root }
    const database = yield* Effect.flatten(findDatabase("CONFIG_DB", root)).pipe(
      Effect.mapError((reason) => new ConfigDbError({ reason }))
    )
    const bell = yield* Queue.sliding<"look" | ConfigDbError>(1)
    const link = yield* opened(options, database, bell)
    while (true) {
      yield* tell(yield* read(link, database))
      const rung = yield* Queue.take(bell).pipe(
        Effect.timeoutTo({
          duration: options.resync ?? "30 seconds",
          onTimeout: () => "look" as const,
          onSuccess: (rung) => rung
        })
      )
      if (rung !== "look") return yield* rung
    }
  })

const opened = (options: ConfigDbOptions, database: Database, bell: Queue.Queue<"look" | ConfigDbError>) =>
  Effect.acquireRelease(
    attempt(async () => {
      const { open } = await options.client()
      const keys = rowNames.map(([table, row]) => `${table}${database.separator}${row}`)
      return await open(database, [...keys, initialised], {
        changed: () => void bell.unsafeOffer("look"),
        lost: (reason) => void bell.unsafeOffer(new ConfigDbError({ reason: `Redis was lost: ${reason}` }))
      })
    }),
    (link) => Effect.sync(link.close)
  )

/** Says "1" once the database holds the switch's configuration. */
const initialised = "CONFIG_DB_INITIALIZED"

const rowNames = [["GNMI", "gnmi"], ["GNMI", "certs"], ["DEVICE_METADATA", "x509"]] as const

/** Fails while a booting switch is still writing it. */
const read = (link: RedisClient.RedisLink, { separator }: Database): Effect.Effect<GnmiRows, ConfigDbError> =>
  Effect.gen(function*() {
    if ((yield* attempt(() => link.text(initialised))) !== "1") {
      return yield* new ConfigDbError({ reason: "CONFIG_DB is not initialised yet" })
    }
    const [gnmi = {}, certs = {}, x509 = {}] = yield* attempt(() =>
      Promise.all(rowNames.map(([table, row]) => link.row(`${table}${separator}${row}`)))
    )
    return { gnmi, certs, x509 }
  })

const attempt = <A>(work: () => Promise<A>): Effect.Effect<A, ConfigDbError> =>
  Effect.tryPromise({
    try: work,
    catch: (error) =>
      new ConfigDbError({ reason: `Redis cannot be read: ${error instanceof Error ? error.message : String(error)}` })
  })

const sameReading = (left: ConfigReading, right: ConfigReading): boolean =>
  left._tag === "Rows"
    ? right._tag === "Rows" && sameRows(left.rows, right.rows)
    : right._tag === "Unreadable" && left.reason === right.reason

const sameRows = (left: GnmiRows, right: GnmiRows): boolean =>
  (["gnmi", "certs", "x509"] as const).every((name) => Equal.equals(Data.struct(left[name]), Data.struct(right[name])))
