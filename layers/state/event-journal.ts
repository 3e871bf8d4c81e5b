/** The lasting log of events, the audit's: JSON lines beside the memory, rotated by size. */
import { join } from "node:path"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import { EventStore, EventStoreError } from "../../src/daemon/event-store.ts"
import { Event } from "../../src/model/event.ts"
import { type JournalError, type JournalFile, openJournal } from "./journal-file.ts"

/** 4 MiB a file, five files: some fifty thousand events. */
const limits = { maximumSize: 4 * 1024 * 1024, keep: 4, durable: false }

/**
 * `EventStore` in `events.jsonl` in the folder. Where the file cannot be opened,
 * each later use tries again: the daemon lives on without.
 */
export const layerEventJournal = (options: { readonly directory: string }): Layer.Layer<never> =>
  Layer.scoped(
    EventStore,
    Effect.gen(function*() {
      const scope = yield* Effect.scope
      let opened: JournalFile | undefined
      const open = Effect.provideService(
        openJournal({ path: join(options.directory, "events.jsonl"), ...limits }),
        Scope.Scope,
        scope
      )
      const journal = Effect.suspend(() => opened === undefined ? Effect.tap(open, keep) : Effect.succeed(opened))
      const keep = (fresh: JournalFile) => Effect.sync(() => void (opened = fresh))
      const failed = ({ reason }: JournalError) => new EventStoreError({ reason })
      return {
        append: (events, durable) =>
          Effect.mapError(Effect.flatMap(journal, (file) => file.appendAll(events, durable)), failed),
        read: (span) =>
          Stream.unwrap(Effect.map(journal, (file) =>
            "last" in span
              ? Stream.fromIterableEffect(file.last(span.last))
              : Stream.filter(file.all(Date.parse(span.since) || 0), (value) => isSince(value, span.since)))).pipe(
              Stream.filterMap(eventOf),
              Stream.mapError(failed)
            )
      }
    })
  )

const decode = Schema.decodeUnknownEither(Event)

const eventOf = (value: unknown): Option.Option<Event> => Either.getRight(decode(value))

/** Before the whole of it is looked at, since most may be older. */
const isSince = (value: unknown, since: string): boolean =>
  typeof value === "object" && value !== null && "at" in value && typeof value.at === "string" && value.at >= since
