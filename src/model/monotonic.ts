/** The clock that decisions are made by. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** Monotonic milliseconds of this process, from Effect's Clock; a jump of the wall clock does not move it. */
export const monotonic: Effect.Effect<number> = Effect.map(
  Clock.currentTimeNanos,
  (nanos) => Number(nanos / 1000n) / 1000
)
