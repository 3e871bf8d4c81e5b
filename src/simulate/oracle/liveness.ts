/**
 * Liveness, and the watch on looks. Once faults have ended, all that shall run
 * must run and answer within a time, and is then to be left alone.
 */
import type { Call } from "../trace.ts"
import type { DpuJournal } from "./journal.ts"
import type { Invariant } from "./violation.ts"

type Report = (invariant: Invariant, dpu: number, container: string | undefined, message: string) => void

/** Milliseconds from the end of all faults until everything is as it should be. */
export const convergence = 180_000
/** Milliseconds after a hint within which a look begins. */
const prompt = 300
/** Milliseconds without any look: two tries of a list and the pauses between are shorter. */
const silence = 15_000

export class Liveness {
  private readonly dpus: ReadonlyArray<DpuJournal>
  private quietAt: number | undefined
  private judged = false
  private pending: Call | undefined

  constructor(dpus: ReadonlyArray<DpuJournal>) {
    this.dpus = dpus
  }

  begin(at: number): void {
    this.quietAt = at
  }

  /** Whatever changes something after everything had converged. */
  acted(call: Call): void {
    if (this.judged) this.pending = call
  }

  /** Called before each entry. */
  pass(at: number, running: ReadonlyMap<string, unknown>, report: Report): void {
    for (const journal of this.dpus) this.watchLooks(journal, at, report)
    if (this.pending !== undefined) {
      const { container, dpu, method } = this.pending
      this.pending = undefined
      report("StaysQuiet", dpu, container, `${method} of ${container}, although everything was as it should be`)
    }
    if (this.quietAt === undefined || this.judged || at < this.quietAt + convergence) return
    this.judged = true
    for (const journal of this.dpus) this.judge(journal, running, report)
  }

  private watchLooks(journal: DpuJournal, at: number, report: Report): void {
    if (!journal.up) return
    const { hint } = journal
    if (hint !== undefined && journal.lists === 0 && journal.saving === undefined && at > hint.from + prompt) {
      journal.hint = undefined
      report("HintsHeeded", journal.dpu, undefined, `no look within ${prompt} ms of what called for one`)
    }
    if (journal.saving === undefined && at > journal.lastListAt + silence) {
      journal.lastListAt = at
      report("LooksInTurn", journal.dpu, undefined, `no look for ${silence / 1000} s`)
    }
  }

  private judge(journal: DpuJournal, running: ReadonlyMap<string, unknown>, report: Report): void {
    for (const container of journal.containers.values()) {
      const { name } = container.spec
      const runs = running.has(name)
      if (container.desired === "stopped") {
        if (runs) report("Converges", journal.dpu, name, "it still runs although its operator stopped it")
      } else if (mayRun(journal, container.spec.after)) {
        if (!runs) report("Converges", journal.dpu, name, "it does not run, 180 s after the last fault")
        else if (
          container.spec.probe !== undefined && (container.probes.healthyAt === undefined || container.probes.bad > 0)
        ) {
          report("Converges", journal.dpu, name, "it runs and is not known to answer, 180 s after the last fault")
        } else if (
          // An image that lost its name tells no version, and nothing is done on what is not known.
          container.evidence.present.state === "Running" && container.evidence.present.version !== undefined
          && !isRight(journal, container.evidence.present.version)
        ) {
          report(
            "Converges",
            journal.dpu,
            name,
            `it runs ${container.evidence.present.version ?? "?"}, the DPU ${journal.version ?? "?"}`
          )
        }
      }
    }
  }
}

/**
 * The DPU's version; or, where that failed and is in quarantine, the one that
 * all were brought back to. An upgrade that had to wait may still be under way.
 */
const isRight = (journal: DpuJournal, version: string): boolean => {
  if (version === journal.version) return true
  const { memory } = journal
  if (memory === undefined) return false
  if (memory.upgrade !== null) return true
  const assigned = new Set(Object.values(memory.containers).map((container) => container.assigned?.split(":").at(-1)))
  return memory.quarantine.some((entry) => entry.version === journal.version)
    && (assigned.size === 1 || memory.degraded !== null)
}

/** Whether what it comes after is to run as well. */
const mayRun = (journal: DpuJournal, after: ReadonlyArray<string>): boolean =>
  [...journal.containers.values()].every(({ desired, spec }) =>
    !after.includes(spec.service) || (desired === "running" && mayRun(journal, spec.after))
  )
