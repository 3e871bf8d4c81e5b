/** The clock that decisions are made by. */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** What the monotonic clock shows, milliseconds. */
const shown = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos() / 1000n) / 1000

/** Monotonic milliseconds of this process, from Effect's Clock; a jump of the wall clock does not move it. */
export const monotonic: Effect.Effect<number> = Effect.clockWith((clock) => Effect.sync(() => shown(clock)))

/** Both clocks at one moment: monotonic milliseconds, and milliseconds since 1970. */
export const bothClocks: Effect.Effect<{ readonly mono: number; readonly wall: number }> = Effect.clockWith((clock) =>
  Effect.sync(() => ({ mono: shown(clock), wall: clock.unsafeCurrentTimeMillis() }))
)
