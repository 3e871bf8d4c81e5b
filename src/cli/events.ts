/** `offloadctl events`: what happened and what was decided, a line each. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import type { Event, Severity } from "../model/event.ts"
import { EventFeed } from "./event-feed.ts"
import { ExitCode } from "./exit-code.ts"
import { Ended } from "./problem.ts"
import { type Format, print, Screen } from "./screen.ts"
import { type Colour, orNothing, paint, plain } from "./text.ts"

export interface EventsOptions {
  readonly container: string | undefined
  readonly follow: boolean
  /** "json" is a line of JSON for each event, not one document: it can be read while it goes on. */
  readonly output: Format
}

export const events = Effect.fn("events")(function*(options: EventsOptions) {
  const feed = yield* EventFeed
  const { colour } = yield* Screen
  const query = options.container === undefined ? {} : { container: options.container }
  yield* Stream.runForEach(
    feed.events({ ...query, follow: options.follow }),
    (event) => print(options.output === "json" ? JSON.stringify(event) : renderEvent(event, colour))
  )
  if (!options.follow) return ExitCode.done
  return yield* new Ended({
    code: ExitCode.noDaemon,
    message: "offloadd went away; what happens now is not shown here"
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
