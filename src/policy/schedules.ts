/** The policies as Effect Schedules: built from the same values that the pure step reads. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

import type { ReadPolicy } from "./calls.ts"
import { delay, type Ladder } from "./ladder.ts"

/** The repetitions of a read after its first try. */
export const read = (policy: ReadPolicy) =>
  Schedule.intersect(Schedule.recurs(policy.tries - 1), Schedule.spaced(Duration.millis(policy.backoff)))

/** The ladder from level 0 upwards, jitter from Effect's Random; never ends. */
export const ladder = (policy: Ladder) =>
  Schedule.forever.pipe(
    Schedule.mapEffect((level) => Effect.map(Random.next, (random) => delay(policy, level, random))),
    Schedule.modifyDelay((wait) => Duration.millis(wait))
  )
