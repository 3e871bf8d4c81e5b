/**
 * Folding of events: a storm of equal ones, of one reason, one container and one
 * upgrade if any, is told one by one to a bound and then as one line with a count
 * for each window. What operators asked for is never folded.
 */
import { type EventBody, self, upgradeOf } from "../model/event.ts"
import type { Policy } from "../policy/policy.ts"

/** An event to tell; `count` where it stands for several. */
export interface Told extends EventBody {
  readonly count?: number
}

interface Window {
  begun: number
  told: number
  folded: number
  last: EventBody
}

/** Times are monotonic milliseconds. */
export class EventFold {
  private readonly windows = new Map<string, Window>()
  private readonly policy: Policy["events"]

  constructor(policy: Policy["events"]) {
    this.policy = policy
  }

  /** The event where it is to be told now; what is not comes in a summary. */
  add(body: EventBody, mono: number): Told | undefined {
    if (body.actor !== undefined && body.actor !== self) return body
    const key = `${body.reason} ${body.container ?? ""} ${upgradeOf(body) ?? ""}`
    const window = this.windows.get(key)
    if (window === undefined || (window.folded === 0 && mono >= window.begun + this.policy.window)) {
      this.forget(mono)
      this.windows.set(key, { begun: mono, told: 1, folded: 0, last: body })
      return body
    }
    window.last = body
    if (window.told < this.policy.burst) {
      window.told += 1
      return body
    }
    window.folded += 1
    return undefined
  }

  /** What has ended and is not owed a summary: there is no end to the upgrades that there may be. */
  private forget(mono: number): void {
    for (const [key, { begun, folded }] of this.windows) {
      if (folded === 0 && mono >= begun + this.policy.window) this.windows.delete(key)
    }
  }

  /** The summaries of windows that have ended; a storm that goes on is in the next one from its first event. */
  summaries(mono: number): ReadonlyArray<Told> {
    return this.summarise(mono, (window) => mono >= window.begun + this.policy.window)
  }

  /** The summaries of all windows, ended or not: nothing more will come. */
  close(mono: number): ReadonlyArray<Told> {
    return this.summarise(mono, () => true)
  }

  /** When the next summary is due, where anything is folded. */
  get nextSummary(): number | undefined {
    let next: number | undefined
    for (const { begun, folded } of this.windows.values()) {
      const end = begun + this.policy.window
      if (folded > 0 && (next === undefined || end < next)) next = end
    }
    return next
  }

  private summarise(mono: number, ended: (window: Window) => boolean): ReadonlyArray<Told> {
    const summaries: Array<Told> = []
    for (const window of this.windows.values()) {
      if (!ended(window) || window.folded === 0) continue
      const { folded, last } = window
      summaries.push({
        ...last,
        message: `${last.message} (${times(folded)} in ${span(mono - window.begun)})`,
        count: folded
      })
      window.begun = mono
      window.folded = 0
    }
    return summaries
  }
}

const times = (count: number): string => count === 1 ? "once more" : `${count} times`

const span = (millis: number): string =>
  millis < 120_000 ? `${Math.round(millis / 1000)} s` : `${Math.round(millis / 60_000)} min`
