/** A bell for one fiber: it waits until somebody has rung, which may have been before. */
import * as Effect from "effect/Effect"

/**
 * Like a Latch that each fiber has to itself, at half the cost of its wait, which
 * is what a daemon at rest mostly does: nothing is undone when the one who waits
 * is interrupted, since to wake a fiber that waits no more does nothing, and the
 * bell stays rung for the next.
 */
export class Bell {
  private rung = false
  private wake: () => void = nobody

  /** Whoever waits goes on; if nobody does, the next one need not. */
  ring(): void {
    this.rung = true
    this.wake()
    this.wake = nobody
  }

  /** What was rung before counts no more. */
  silence(): void {
    this.rung = false
  }

  /** Goes on at once where it was rung and not silenced since. */
  readonly wait: Effect.Effect<void> = Effect.async<void>((resume) => {
    if (this.rung) resume(Effect.void)
    else this.wake = () => resume(Effect.void)
  })
}

const nobody = (): void => undefined
