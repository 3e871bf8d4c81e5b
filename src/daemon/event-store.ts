/** The port to the lasting log of events, the audit's: beyond the daemon's life, and in full before an operation counts as done. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import type { Event } from "../model/event.ts"

/** Events cannot be written or read; `reason` is a sentence for people. */
export class EventStoreError extends Data.TaggedError("EventStoreError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

/** How far back to read. */
export type EventSpan =
  /** So many, at the most. */
  | { readonly last: number }
  /** ISO 8601 UTC; everything where it is empty. */
  | { readonly since: string }

export interface EventStoreService {
  /** All of them or none. With `durable` they survive loss of power when it returns. */
  readonly append: (events: ReadonlyArray<Event>, durable: boolean) => Effect.Effect<void, EventStoreError>
  /** Oldest first. What no longer reads as an event, such as a line torn by loss of power, is passed over. */
  readonly read: (span: EventSpan) => Stream.Stream<Event, EventStoreError>
}

/** Keeps nothing by default. */
export class EventStore extends Context.Reference<EventStore>()("offloader/EventStore", {
  defaultValue: (): EventStoreService => ({ append: () => Effect.void, read: () => Stream.empty })
}) {}
