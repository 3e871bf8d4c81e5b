/** Asking again and again until the answer is the one waited for. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

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
