/** What a daemon was shown of one container's health. */
export class ProbeHistory {
  /** Bad answers in a row, and when the first of them was asked for. */
  bad = 0
  badSince = 0
  /** When the last good answer came; undefined before the first. */
  healthyAt: number | undefined
  /** The bad streak that the last good answer ended, and when it ended. */
  private former = { bad: 0, badSince: 0, until: Number.NEGATIVE_INFINITY }

  forget(): void {
    this.bad = 0
    this.healthyAt = undefined
    this.former = { bad: 0, badSince: 0, until: Number.NEGATIVE_INFINITY }
  }

  answered(result: "Healthy" | "Unhealthy" | "Unknown", begun: number, at: number): void {
    if (result === "Healthy") {
      if (this.bad > 0) this.former = { bad: this.bad, badSince: this.badSince, until: at }
      this.bad = 0
      this.healthyAt = at
      return
    }
    if (this.bad === 0) this.badSince = begun
    this.bad++
  }

  /** Whether, at any moment since then, it had been bad so often and for so long. */
  wasBad(since: number, now: number, failures: number, length: number): boolean {
    const { former } = this
    return (this.bad >= failures && now - this.badSince >= length)
      || (former.until >= since && former.bad >= failures && former.until - former.badSince >= length)
  }
}
