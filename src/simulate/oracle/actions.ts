/** Checks at every call that changes something, as the daemon sends it. */
import { format, split } from "../../model/image.ts"
import { baseDelay } from "../../policy/ladder.ts"
import type { Policy } from "../../policy/policy.ts"
import type { Call } from "../trace.ts"
import type { ContainerJournal } from "./container-journal.ts"
import type { DpuJournal } from "./journal.ts"
import { assignedTags, stoppedForSwitch } from "./upgrades.ts"
import { versionKnown } from "./version.ts"
import type { Report } from "./violation.ts"

/** The world as it truly is, where a check needs it. */
export interface Truth {
  /** The instance that runs under this name: since when, and from which image. */
  readonly running: (
    container: string
  ) => { readonly id: string; readonly since: number; readonly image: string } | undefined
}

const changes: ReadonlySet<string> = new Set(["StartContainer", "StopContainer", "RemoveContainer", "UpdateContainer"])

export const isChange = (call: Call): boolean => changes.has(call.method)

export const sent = (journal: DpuJournal, call: Call, policy: Policy, truth: Truth, report: Report): void => {
  const container = journal.containers.get(call.container)
  if (container === undefined) {
    return report(
      "OwnContainersOnly",
      call.container,
      `${call.method} of ${JSON.stringify(call.container)}, which is none of dpu${journal.dpu}'s`
    )
  }
  if (container.inFlight !== undefined) {
    report(
      "OneActionAtATime",
      call.container,
      `${call.method} was sent while ${container.inFlight.method} #${container.inFlight.number} was in flight`
    )
  }
  const since = journal.decidedSince(call.begun)
  switch (call.method) {
    case "StartContainer":
      started(journal, container, call, since, policy, report)
      break
    case "StopContainer":
      stopped(journal, container, call, since, policy, truth, report)
      break
    case "RemoveContainer":
      // Before it is removed, its last output is fetched.
      removed(journal, container, call, Math.min(since, call.begun - policy.evidence.deadline), report)
      break
    default:
      report("EvidenceFirst", call.container, `${call.method} is not a call that the offloader makes`)
  }
  container.inFlight = call
}

const started = (
  journal: DpuJournal,
  container: ContainerJournal,
  call: Call,
  since: number,
  policy: Policy,
  report: Report
): void => {
  const name = call.container
  if (!container.evidence.was("Absent", since)) {
    report(
      "EvidenceFirst",
      name,
      `it was started while what could be known of it was ${container.evidence.present.state}`
    )
  }
  if (container.desired === "stopped" && !container.possible.has("running")) {
    report("StoppedStaysStopped", name, "it was started although its operator stopped it")
  }
  image(journal, container, call, report)
  dependencies(journal, container, since, report)
  const intended = journal.intended?.containers[name]
  if (intended?.due?.cause === "NpuReboot") container.ladder.excused = true
  if (journal.undurable) excuseReboot(journal)
  // Another image begins with an empty ladder: an upgrade, or the way back from one. While memory cannot be saved, what
  // is started may still be the one before it.
  if (container.reassigned && (container.assigned === null || call.image === container.assigned)) {
    container.ladder = { level: 0, lastStart: Number.NEGATIVE_INFINITY, excused: true }
    container.reassigned = false
  }
  container.levelAtStart = intended?.level ?? -1
  // Behind a slow disk one outage may follow upon another that it has only just heard of the end of.
  if (journal.hadLost(since)) container.ladder.excused = true
  ladder(container, call.begun, policy, report)
  if (container.notBefore !== undefined && call.begun < container.notBefore - 1) {
    report(
      "StaggerKept",
      name,
      `it was started ${Math.round(container.notBefore - call.begun)} ms before this DPU's turn`
    )
  }
  container.notBefore = undefined
  if (!journal.undurable) {
    const record = journal.memory?.containers[name]
    if (record === undefined || record.desired !== "running" || record.due === null) {
      report("DurableFirst", name, "it was started, and the disk does not say that a start was owed")
    }
  }
}

const image = (journal: DpuJournal, container: ContainerJournal, call: Call, report: Report): void => {
  const { repository, tag } = split(call.image)
  // What somebody else had put there may be an upgrade's way back.
  const known = journal.versions.has(tag) || container.seen.has(tag) || isTheOthers(journal, tag)
  // Where it once rightly went, it stays until something changes it, however short its life there was.
  if (known) container.seen.add(tag)
  if (repository !== container.spec.repository || !known) {
    report("RightImage", call.container, `it was started from ${format({ repository, tag })}`)
  }
}

/** Where the wanted version is in quarantine, what never ran goes where all others are, whoever had brought them there. */
const isTheOthers = ({ intended, version }: DpuJournal, tag: string): boolean => {
  if (intended === undefined) return false
  const wanted = intended.ordered ?? version
  const tags = assignedTags(intended)
  return intended.quarantine.some((entry) => entry.version === wanted) && tags.size === 1 && tags.has(tag)
}

const dependencies = (journal: DpuJournal, container: ContainerJournal, since: number, report: Report): void => {
  for (const service of container.spec.after) {
    const before = [...journal.containers.values()].find(({ spec }) => spec.service === service)
    if (before === undefined) continue
    const answered = before.probes.wasHealthy(since)
    if (!before.evidence.was("Running", since) || (before.spec.probe !== undefined && !answered)) {
      report(
        "DependencyAnswers",
        container.spec.name,
        `it was started while ${before.spec.name} was not known to run and answer`
      )
    }
  }
}

/** What is owed, and why, stands in no text that was tried: several that are gone at once may be a reboot that was concluded. */
const excuseReboot = (journal: DpuJournal): void => {
  const gone = [...journal.containers.values()].filter(({ evidence: { present } }) =>
    present.state === "Absent" || present.state === "Stopped"
  )
  if (gone.length > 1) { for (const container of gone) container.ladder.excused = true }
}

/**
 * Two starts of one container lie at least the ladder's wait apart, reckoned in
 * its favour: shortest jitter, and all the time between counted as running.
 */
const ladder = (container: ContainerJournal, now: number, policy: Policy, report: Report): void => {
  const { restart } = policy
  const state = container.ladder
  const gap = now - state.lastStart
  const paid = Number.isFinite(gap) ? Math.floor((gap + restart.payback * 0.001) / restart.payback) : 0
  const level = Math.max(0, state.level - paid)
  const least = baseDelay(restart, level) * (1 - restart.jitter)
  if (!state.excused && gap < least - 2) {
    report(
      "LadderKept",
      container.spec.name,
      `it was started ${(gap / 1000).toFixed(2)} s after its last start; at level ${level} the ladder asks for ${
        (least / 1000).toFixed(2)
      } s at the least`
    )
  }
  container.ladder = { level: level + (state.excused ? 0 : 1), lastStart: now, excused: false }
}

const stopped = (
  journal: DpuJournal,
  container: ContainerJournal,
  call: Call,
  since: number,
  policy: Policy,
  truth: Truth,
  report: Report
): void => {
  const name = call.container
  const operators = container.desired === "stopped" || container.possible.has("stopped")
  const runs = container.evidence.was("Running", since)
  if (operators && (runs || container.wordOfStop > 0)) {
    if (!runs) container.wordOfStop = 0
    return
  }
  if (!runs) {
    return report(
      "EvidenceFirst",
      name,
      `it was stopped while what could be known of it was ${container.evidence.present.state}`
    )
  }
  // A list may tell no version, where the daemon remembers what it started.
  const truly = truth.running(name)
  // What it is to run stands on the disk before it is stopped for running something else; what cannot be saved is dropped
  // of an upgrade, and kept of what was found.
  const wrongVersion = [journal.held, journal.intended].every((memory) => {
    const record = memory?.containers[name]
    const assigned = record?.assigned ?? null
    const wanted = assigned === null ? journal.version : split(assigned).tag
    return container.evidence.was("Running", since, (one) => {
      // One that the daemon adopted when its image had lost its name is of no version that it knows.
      const strange = truly === undefined || record?.startedId === one.id ? undefined : split(truly.image).tag
      const known = versionKnown(record, one) ?? strange
      return known !== undefined &&
        (known !== wanted || journal.pastVersions.some(({ until }) => until >= since))
    })
  })
  const { health } = policy
  const length = health.unhealthyForService[container.spec.service] ?? health.unhealthyFor
  const unwell = container.probes.wasBad(since, call.begun, health.failures, length - 1)
  if (wrongVersion) {
    stoppedForSwitch(journal, name, report)
    // One that has been unwell for long enough is stopped for that, whatever version it is of.
    if (!unwell && journal.undurable && journal.saving === undefined) {
      report("DurableFirst", name, "its version is changed while memory cannot be saved")
    }
    return
  }
  // Of an instance that somebody has put in its place since the last look, nobody could know.
  const runningSince = truly !== undefined && truly.id === container.probed ? truly.since : undefined
  const pastGrace = runningSince === undefined || call.begun - runningSince >= health.grace - 1
  if (!unwell) {
    report(
      "CauseForStop",
      name,
      `it was stopped after ${container.probes.bad} bad probes in ${
        Math.round(call.begun - container.probes.badSince)
      } ms`
    )
  } else if (container.probes.healthyAt === undefined && !pastGrace) {
    report("CauseForStop", name, "it was stopped within its grace")
  }
}

const removed = (
  journal: DpuJournal,
  container: ContainerJournal,
  call: Call,
  since: number,
  report: Report
): void => {
  if (call.force) report("NeverForced", call.container, "it was removed by force")
  if (!container.evidence.was("Stopped", since)) {
    report(
      "EvidenceFirst",
      call.container,
      `it was removed while what could be known of it was ${container.evidence.present.state}`
    )
  }
  // What was decided before the operator's word takes away no more than a leftover.
  if (container.stoppedAt >= since) return
  if (container.desired === "stopped" && !container.possible.has("running")) {
    report("StoppedStaysStopped", call.container, "it was removed for a start although its operator stopped it")
  }
  if (!journal.undurable && journal.memory?.containers[call.container]?.due === null) {
    report("DurableFirst", call.container, "it was removed, and the disk does not say that a start was owed")
  }
}
