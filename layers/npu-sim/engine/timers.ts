/**
 * What the engine will do by itself, in order of time. Nothing fires on its own:
 * `settle` runs what is due, and `wake` tells the owner when that will be.
 */
export interface Timer {
  readonly at: number
  readonly action: () => void
}

export class Timers {
  private readonly queue: Array<Timer> = []
  private readonly wake: (at: number) => void

  /** `wake` hears of each new earliest time, ms; it may be late or ignored. */
  constructor(wake: (at: number) => void) {
    this.wake = wake
  }

  /** Equal times run in the order in which they were set. */
  set(at: number, action: () => void): Timer {
    const timer: Timer = { at, action }
    let index = this.queue.length
    while (index > 0 && this.queue[index - 1]!.at > at) index--
    this.queue.splice(index, 0, timer)
    if (index === 0) this.wake(at)
    return timer
  }

  cancel(timer: Timer | undefined): void {
    if (timer === undefined) return
    const index = this.queue.indexOf(timer)
    if (index >= 0) this.queue.splice(index, 1)
  }

  /** When the next one is due, ms; Infinity when there is none. */
  next(): number {
    return this.queue[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Takes the first timer that is due at `now`. */
  takeDue(now: number): Timer | undefined {
    return this.next() <= now ? this.queue.shift() : undefined
  }
}
