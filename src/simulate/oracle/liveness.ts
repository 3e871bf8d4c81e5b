/**
 * Liveness, and the watch on looks. Once faults have ended, all that shall run
 * must run and answer within a time, and is then to be left alone.
 */
import type { DurableContainer } from "../../decide/durable.ts"
import { split } from "../../model/image.ts"
import { foreignVersion } from "../surroundings.ts"
import type { Call } from "../trace.ts"
import type { ContainerJournal } from "./container-journal.ts"
import type { DpuJournal } from "./journal.ts"
import { assignedTags, setMixed } from "./upgrades.ts"
import { versionKnown } from "./version.ts"
import type { Invariant, Report as DpuReport } from "./violation.ts"

type Report = (invariant: Invariant, dpu: number, container: string | undefined, message: string) => void

/** Milliseconds from the end of all faults until everything is as it should be. */
export const convergence = 180_000
/** Milliseconds after a hint within which a look begins. */
const prompt = 300
/** Milliseconds without any look: two tries of a list and the pauses between are shorter. */
const silence = 15_000
/** Milliseconds at the very end of a run in which judgement is put off no longer. */
const lastMoments = 10_000
/** Milliseconds of quiet at the end that are enough for an upgrade to end. */
const lasting = 1_000_000

export class Liveness {
  private readonly dpus: ReadonlyArray<DpuJournal>
  private quietAt: number | undefined
  private readonly judged = new Set<DpuJournal>()
  private readonly quiet: number
  private readonly badVersions: ReadonlySet<string>
  private readonly unobtainable: string

  /** `quiet`: milliseconds from the end of all faults to the end of the run. */
  constructor(dpus: ReadonlyArray<DpuJournal>, quiet: number, badVersions: ReadonlySet<string>, unobtainable: string) {
    this.dpus = dpus
    this.quiet = quiet
    this.badVersions = badVersions
    this.unobtainable = unobtainable
  }

  begin(at: number): void {
    this.quietAt = at
  }

  /** Whatever changes something after everything had converged. */
  acted(call: Call, report: DpuReport): void {
    const { container, dpu, method } = call
    const journal = this.dpus[dpu]!
    // An upgrade that had to wait for its images may begin to switch at any time.
    if (!this.judged.has(journal) || (journal.memory?.upgrade ?? null) !== null) return
    // What cannot run is tried on for ever, where there is no way back from it.
    if (!this.isSound(journal, container)) return
    report("StaysQuiet", container, `${method} of ${container}, although everything was as it should be`)
  }

  /** Called before each entry. */
  pass(at: number, running: ReadonlyMap<string, unknown>, report: Report): void {
    for (const journal of this.dpus) this.watchLooks(journal, at, report)
    if (this.quietAt === undefined || at < this.quietAt + convergence) return
    for (const journal of this.dpus) {
      if (this.judged.has(journal)) continue
      const isLast = at > this.quietAt + this.quiet - lastMoments
      const change = this.changing(journal)
      if (change !== undefined && !isLast) continue
      this.judged.add(journal)
      if (change === undefined) this.judge(journal, running, report)
      else if (this.quiet > lasting && !isLeaderless(journal) && !isHeldUp(journal)) {
        report("Converges", journal.dpu, undefined, `${change} does not end`)
      }
    }
  }

  /** What keeps a set from being as it should be for a while; probation too, where a run has versions that fail it. */
  private changing({ memory }: DpuJournal): string | undefined {
    const saga = memory?.upgrade ?? null
    if (saga === null || saga.phase === "staging") return undefined
    return saga.phase === "probation" && this.quiet <= lasting ? undefined : saga.id
  }

  private watchLooks(journal: DpuJournal, at: number, report: Report): void {
    if (!journal.up) return
    const { hint } = journal
    if (
      hint !== undefined && journal.lists + journal.pulses === 0 && journal.saving === undefined &&
      at > hint.from + prompt
    ) {
      journal.hint = undefined
      report("HintsHeeded", journal.dpu, undefined, `no look within ${prompt} ms of what called for one`)
    }
    if (journal.saving === undefined && at > journal.lastListAt + silence) {
      journal.lastListAt = at
      report("LooksInTurn", journal.dpu, undefined, `no look for ${silence / 1000} s`)
    }
  }

  private judge(journal: DpuJournal, running: ReadonlyMap<string, unknown>, report: Report): void {
    const mixed = setMixed(journal)
    if (mixed !== undefined) report("SetsUnmixed", journal.dpu, undefined, mixed)
    // What a person must mend is tried on at the ladder's pace, and no more can be asked of it.
    if ((journal.memory?.degraded ?? null) !== null) return
    for (const container of journal.containers.values()) {
      const { name } = container.spec
      const runs = running.has(name)
      if (container.desired === "stopped") {
        if (runs) report("Converges", journal.dpu, name, "it still runs although its operator stopped it")
      } else if (this.mayRun(journal, container.spec.after) && this.isSound(journal, name)) {
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

  /** Whether what it comes after is to run as well, and can. */
  private mayRun(journal: DpuJournal, after: ReadonlyArray<string>): boolean {
    return [...journal.containers.values()].every(({ desired, spec }) =>
      !after.includes(spec.service)
      || (desired === "running" && this.isSound(journal, spec.name) && this.mayRun(journal, spec.after))
    )
  }

  /** Not so where it has never run, or has no way back, and what it is to run cannot. */
  private isSound(journal: DpuJournal, name: string): boolean {
    if (journal.containers.get(name)?.spec.repository === this.unobtainable || isLeaderless(journal, name)) return false
    const assigned = journal.memory?.containers[name]?.assigned ?? null
    const version = assigned === null ? journal.version : split(assigned).tag
    // What somebody else had put there, and has taken away again, is not to be had.
    if (assigned !== null && version === foreignVersion && !journal.imagesSeen.has(assigned)) return false
    return version === undefined || !this.badVersions.has(version)
  }
}

/**
 * Whether a service that never ran, this one or any, has no version to run: the wanted one is in quarantine, and the
 * others are of several. A person has to say, and what comes after it waits.
 */
const isLeaderless = ({ containers, memory, version }: DpuJournal, name?: string): boolean => {
  if (memory === undefined) return false
  const wanted = memory.ordered ?? version
  return memory.quarantine.some((entry) => entry.version === wanted) && assignedTags(memory).size > 1
    && [...containers.keys()].some((one) => (name ?? one) === one && memory.containers[one]?.owned !== true)
}

/**
 * Whether a member waits to run, or to be switched, after what an operator stopped: neither it nor its upgrade gets
 * any further. What runs as another version is not stopped where it could not be started again.
 */
const isHeldUp = ({ containers, memory }: DpuJournal): boolean =>
  memory?.upgrade?.members.some(({ container }) => {
    const member = containers.get(container)
    return member?.desired === "running" && !runsAssigned(member, memory.containers[container])
      && [...containers.values()].some(({ desired, spec }) =>
        desired === "stopped" && member.spec.after.includes(spec.service)
      )
  }) === true

const runsAssigned = ({ evidence: { present } }: ContainerJournal, record: DurableContainer | undefined): boolean => {
  const assigned = record?.assigned ?? null
  return present.state === "Running" && (assigned === null || versionKnown(record, present) === split(assigned).tag)
}

/**
 * The DPU's version, or the one that an operator ordered; or, where that failed and is in quarantine, the one that
 * all were brought back to. An upgrade that had to wait may still be under way.
 */
const isRight = (journal: DpuJournal, version: string): boolean => {
  if (version === journal.version) return true
  const { memory } = journal
  if (memory === undefined) return false
  if (memory.upgrade !== null || memory.paused || version === memory.ordered) return true
  return memory.quarantine.some((entry) => entry.version === journal.version)
    && (assignedTags(memory).size === 1 || memory.degraded !== null)
}
