/** How often what occurred, so that a run can say what it has not tried. */
import type { Call, Entry } from "./trace.ts"

const changes: ReadonlySet<string> = new Set([
  "StartContainer",
  "StopContainer",
  "RemoveContainer",
  "RemoveImage",
  "Deploy"
])

export class Counts {
  readonly faults: Record<string, number> = {}
  readonly actions: Record<string, number> = {}
  readonly reasons: Record<string, number> = {}
  /** Completed looks are lists that ended with OK. */
  looks = 0
  daemons = 0
  /** Whether a fault began while an action was in flight. */
  hitInFlight = false
  private readonly inFlight = new Set<number>()

  add(entry: Entry): void {
    switch (entry._tag) {
      case "Fault":
        if (entry.phase === "begins") {
          increase(this.faults, entry.fault._tag)
          if (this.inFlight.size > 0) this.hitInFlight = true
        }
        return
      case "Up":
        this.daemons++
        return
      case "Called":
        if (!changes.has(entry.call.method)) return
        increase(this.actions, actionOf(entry.call))
        this.inFlight.add(entry.call.number)
        return
      case "Answered":
        if (entry.rows !== undefined) this.looks++
        else this.inFlight.delete(entry.call.number)
        return
      case "Cancelled":
        this.inFlight.delete(entry.call.number)
        return
      case "Down":
        this.inFlight.clear()
        return
      case "Said":
        increase(this.reasons, entry.event.reason)
        return
      default:
        return
    }
  }
}

const actionOf = (call: Call): string => call.force ? `${call.method} by force` : call.method

const increase = (record: Record<string, number>, key: string): void => {
  record[key] = (record[key] ?? 0) + 1
}
