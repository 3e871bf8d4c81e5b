/** Bad answers in a row that have ended, by a good one or with the instance. */
interface Streak {
  readonly bad: number
  readonly badSince: number
  readonly until: number
}

/** Streaks that a daemon with a slow disk may be behind: for close to a minute, at the densest probes of four a second. */
const remembered = 100

/** What a daemon was shown of one container's health. */
export class ProbeHistory {
  /** Bad answers in a row, and when the first of them was asked for. */
  bad = 0
  badSince = 0
  /** When the last good answer came; undefined before the first. */
  healthyAt: number | undefined
  /** The oldest first. */
  private former: ReadonlyArray<Streak> = []
  /** Probes that nobody answered: bad once the NPU itself is seen to answer. */
  private silent: { readonly since: number; ended: number } | undefined

  /** Until when it was known to answer, before it was another instance or none. */
  private formerlyHealthy = Number.NEGATIVE_INFINITY

  /** Another instance, or none. */
  forget(at: number): void {
    if (this.healthyAt !== undefined) this.formerlyHealthy = at
    this.healthyAt = undefined
    this.endStreak(at)
  }

  /** Whether it was known to have answered at any moment since then. */
  wasHealthy(since: number): boolean {
    return this.healthyAt !== undefined || this.formerlyHealthy >= since
  }

  answered(result: "Healthy" | "Unhealthy" | "Unknown", begun: number, at: number): void {
    if (result === "Healthy") {
      this.endStreak(at)
      this.healthyAt = at
    } else if (result === "Unhealthy") this.worsen(this.silent?.since ?? begun)
    else if (this.silent === undefined) this.silent = { since: begun, ended: at }
    else this.silent.ended = at
  }

  /** A list that succeeded, or one that did not for want of an answer. */
  listed(answered: boolean, begun: number): void {
    if (this.silent === undefined || (answered && begun < this.silent.ended)) return
    if (answered) this.worsen(this.silent.since)
    this.silent = undefined
  }

  /** Whether, at any moment since then, it had been bad so often and for so long. */
  wasBad(since: number, now: number, failures: number, length: number): boolean {
    return (this.bad >= failures && now - this.badSince >= length)
      || this.former.some(({ bad, badSince, until }) => until >= since && bad >= failures && until - badSince >= length)
  }

  private endStreak(at: number): void {
    if (this.bad > 0) {
      this.former = [...this.former, { bad: this.bad, badSince: this.badSince, until: at }].slice(-remembered)
    }
    this.bad = 0
    this.silent = undefined
  }

  private worsen(since: number): void {
    if (this.bad === 0) this.badSince = since
    this.bad++
    this.silent = undefined
  }
}
