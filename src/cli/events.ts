/** `offloadctl events`: what happened and what was decided, a line each. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"

import type { Event, Severity } from "../model/event.ts"
import { plainJson } from "../model/plain.ts"
import { parseDuration } from "./duration.ts"
import { EventFeed } from "./event-feed.ts"
import { ExitCode } from "./exit-code.ts"
import { Ended, Usage } from "./problem.ts"
import { type Format, print, Screen } from "./screen.ts"
import { type Colour, orNothing, paint, plain } from "./text.ts"

export interface EventsOptions {
  readonly container: string | undefined
  readonly operation: string | undefined
  /** So long ago, or a date. */
  readonly since: string | undefined
  readonly follow: boolean
  /** "json" is a line of JSON for each event, not one document: it can be read while it goes on. */
  readonly output: Format
}

export const events = Effect.fn("events")(function*(options: EventsOptions) {
  const feed = yield* EventFeed
  const { colour } = yield* Screen
  const since = options.since === undefined ? undefined : yield* momentOf(options.since)
  const query = {
    ...(options.container === undefined ? {} : { container: options.container }),
    ...(options.operation === undefined ? {} : { operation: options.operation }),
    ...(since === undefined ? {} : { since })
  }
  yield* Stream.runForEach(
    feed.events({ ...query, follow: options.follow }),
    (event) => print(options.output === "json" ? plainJson(event) : renderEvent(event, colour))
  )
  if (!options.follow) return ExitCode.done
  return yield* new Ended({
    code: ExitCode.noDaemon,
    message: "offloadd went away; what happens now is not shown here"
  })
})

/** `2h`: so long ago; otherwise a date, with or without a time. */
const momentOf = Effect.fnUntraced(function*(text: string) {
  const ago = parseDuration(text)
  if (Either.isRight(ago)) return new Date((yield* Clock.currentTimeMillis) - ago.right).toISOString()
  const moment = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(moment)) return new Date(moment).toISOString()
  return yield* new Usage({
    message: `--since: ${
      JSON.stringify(text)
    } is neither a time ago such as 90s, 2m or 1h nor a date such as 2026-02-01T03:22:29Z`
  })
})

const colours: Readonly<Record<Severity, Colour | undefined>> = {
  info: undefined,
  notice: undefined,
  warning: "yellow",
  error: "red"
}

const renderEvent = (event: Event, colour: boolean): string =>
  [
    plain(event.at),
    paint(colour, colours[event.severity], event.severity.padEnd(7)),
    orNothing(event.container ?? null),
    `${plain(event.reason)}: ${plain(event.message)}`
  ].join("  ")
