/** Asking again and again until the answer is the one waited for. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import { NoDaemon } from "./exchange.ts"
import { say, type Screen } from "./screen.ts"

/** The first answer that is `done`; the look is made at once, then with `every` between two. */
export const pollUntil = <A, E, R>(
  look: Effect.Effect<A, E, R>,
  done: (answer: A) => boolean,
  every: Duration.DurationInput
): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    look,
    (answer) =>
      done(answer) ? Effect.succeed(answer) : Effect.zipRight(Effect.sleep(every), pollUntil(look, done, every))
  )

/**
 * A look at the daemon that takes its absence for an answer: it may be restarting, and what was asked for (`what`, such
 * as "The order") is on its disk. Each absence is said once.
 */
export const patiently = <A, E, R>(
  what: string,
  look: Effect.Effect<A, E | NoDaemon, R>
): Effect.Effect<A | NoDaemon, Exclude<E, NoDaemon>, R | Screen> => {
  let away = false
  return look.pipe(
    Effect.tap(() => {
      away = false
    }),
    Effect.catchIf((error) => error instanceof NoDaemon, (error) => {
      const told = away
      away = true
      const word = `offloadctl: ${error.message}. ${what} is on offloadd's disk and stands: waiting until it is back`
      return Effect.as(told ? Effect.void : say(word), error)
    })
  )
}
