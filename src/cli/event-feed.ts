/** The daemon's events, and the output of its containers, as streams; apart from ControlClient, because most verbs do without streams. */
import * as Context from "effect/Context"
import type * as Stream from "effect/Stream"

import type { ProblemOf } from "../control/problems.ts"
import type { Event } from "../model/event.ts"
import type { ClientError } from "./control-client.ts"

export interface EventQuery {
  /** Instance or service name; all where not given. */
  readonly container?: string
  /** Of this operation only. */
  readonly operation?: string
  /** ISO 8601 UTC; the last thousand where neither this nor an operation is given. */
  readonly since?: string
  /** Goes on with each new event. Then the end of the stream means that the daemon went away. */
  readonly follow: boolean
}

export interface OutputQuery {
  /** Instance or service name. */
  readonly container: string
  /** Goes on until the container stops. */
  readonly follow: boolean
  /** Of the instance that ended last, as far as it was kept. */
  readonly previous: boolean
}

export class EventFeed extends Context.Tag("offloadctl/EventFeed")<EventFeed, {
  readonly events: (query: EventQuery) => Stream.Stream<Event, ClientError | ProblemOf<"UnknownContainer">>
  /** Lines without their ends; may hold anything, escape sequences too. */
  readonly output: (
    query: OutputQuery
  ) => Stream.Stream<
    string,
    ClientError | ProblemOf<"UnknownContainer"> | ProblemOf<"NoLog"> | ProblemOf<"NpuUnreachable">
  >
}>() {}
