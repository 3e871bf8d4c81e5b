/** Effect's Clock on simulated time, for one process. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import type { ProcessScheduler } from "./scheduler.ts"
import type { SimulatedTime } from "./time.ts"

/** What a process's clocks showed when the run began. */
export interface ClockOrigin {
  /** Monotonic milliseconds. */
  readonly mono: number
  /** Milliseconds since 1970; a jump of the wall clock changes it under the process. */
  readonly wall: () => number
}

/** Sleepers of a process that was killed never wake. */
export const make = (time: SimulatedTime, process: ProcessScheduler, origin: ClockOrigin): Clock.Clock => {
  const unsafeCurrentTimeMillis = (): number => Math.floor(origin.wall() + time.now)
  const unsafeCurrentTimeNanos = (): bigint => BigInt(Math.round((origin.mono + time.now) * 1000)) * 1000n
  const clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis,
    unsafeCurrentTimeNanos,
    currentTimeMillis: Effect.sync(unsafeCurrentTimeMillis),
    currentTimeNanos: Effect.sync(unsafeCurrentTimeNanos),
    sleep: (duration: Duration.Duration): Effect.Effect<void> => {
      const millis = Duration.toMillis(duration)
      if (millis === Number.POSITIVE_INFINITY) return Effect.never
      // A sleep that is interrupted leaves its timer, which then wakes nobody: to cancel it costs more.
      return Effect.async<void>((resume) => {
        time.after(millis, () => {
          if (process.alive) resume(Effect.void)
        })
      })
    }
  }
  return clock as Clock.Clock
}
