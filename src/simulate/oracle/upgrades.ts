/** Checks of upgrades, from what the daemon writes into its memory and from what it was shown. */
import type { Durable } from "../../decide/durable.ts"
import { split } from "../../model/image.ts"
import type { Policy } from "../../policy/policy.ts"
import type { DpuJournal } from "./journal.ts"
import { versionKnown } from "./version.ts"
import type { Report } from "./violation.ts"

type Saga = NonNullable<Durable["upgrade"]>

/** An upgrade passes through these in order; `rollingBack` can follow on each. */
const order = { staging: 0, switching: 1, probation: 2, rollingBack: 3 } as const

/** Milliseconds of a probation that lists and delays may hide from this side. */
const hidden = 60_000

/** At each save: what was meant before, and what is now. `at`: when it was saved. */
export const upgrading = (
  journal: DpuJournal,
  before: Durable,
  after: Durable,
  { upgrade: policy }: Policy,
  at: number,
  report: Report
): void => {
  const old = before.upgrade
  const saga = after.upgrade
  if (saga !== null && saga.failure !== null && saga.phase !== "rollingBack") {
    report("UpgradesOneWay", "", `${saga.id} is to be brought back (${saga.failure}), and is ${saga.phase}`)
  }
  if (old !== null) {
    gated(journal, old, after, policy.gate, at, report)
    if (saga?.id !== old.id && after.lastUpgrade?.id === old.id) ended(journal, old, after, policy.probation, report)
    else if (saga?.id === old.id) abandoned(old, saga, before, after, report)
  }
  if (saga !== null && saga.id === old?.id) {
    // What was found only on probation is switched too, and the probation begins anew.
    const joined = old.phase === "probation" && saga.phase === "switching" && saga.members.length > old.members.length
    if (order[saga.phase] < order[old.phase] && !joined) {
      report("UpgradesOneWay", "", `${saga.id} was ${old.phase} and is ${saga.phase} again`)
    }
    if (old.phase === "staging" && saga.phase !== "staging") staged(journal, saga, report)
  } else if (saga !== null) begun(journal, saga, before, after, journal.decidedSince(at), report)
  for (const [name, { assigned }] of Object.entries(after.containers)) {
    const was = assignmentOf(before, name)
    const isMember = [old, saga].some((one) => one?.members.some(({ container }) => container === name) === true)
    if (
      was !== null && was !== assigned && !isMember &&
      !isFound(journal, name, before, assigned, journal.decidedSince(at))
    ) {
      report(
        "UnaffectedLeftAlone",
        name,
        `it was to run ${was}, and is to run ${assigned ?? "nothing"} for no upgrade's sake`
      )
    }
  }
}

/** What it is to run; a service that never ran is tied to no image yet, whatever was tried. */
const assignmentOf = ({ containers }: Durable, name: string): string | null =>
  containers[name]?.owned === true ? containers[name].assigned : null

/** A member is done with only after it was seen to run for as long as its gate takes. */
const gated = (
  journal: DpuJournal,
  old: Saga,
  after: Durable,
  gate: number,
  at: number,
  report: Report
): void => {
  const saga = after.upgrade?.id === old.id ? after.upgrade : undefined
  const forward = old.phase === "switching" && (saga?.phase === "switching" || saga?.phase === "probation")
  const back = old.phase === "rollingBack"
    && (saga?.phase === "rollingBack" || (saga === undefined && after.lastUpgrade?.outcome === "rolledBack"))
  if (!forward && !back) return
  for (const { container, passed } of old.members) {
    const now = saga?.members.find((member) => member.container === container)
    const journaled = journal.containers.get(container)
    if (passed || (saga !== undefined && now?.passed !== true) || journaled === undefined) continue
    if (after.containers[container]?.desired === "stopped") continue
    if (!journaled.hasRunFor(gate, at, journal.decidedSince(at))) {
      report("GateKept", container, `${old.id} went on from it before it was seen to run for ${gate / 1000} s`)
    }
  }
}

/** How a saga ended, against what was recorded of it. */
const ended = (journal: DpuJournal, old: Saga, after: Durable, probation: number, report: Report): void => {
  const outcome = after.lastUpgrade?.outcome
  if (outcome !== "committed" && outcome !== "rolledBack") return
  for (const { container, previous, target } of old.members) {
    const meant = outcome === "committed" ? target : previous?.image
    const assigned = assignmentOf(after, container)
    if (meant !== undefined && assigned !== null && assigned !== meant) {
      report("SetsUnmixed", container, `${old.id} was ${outcome}, and it is to run ${assigned} in place of ${meant}`)
    }
  }
  if (outcome === "rolledBack") {
    const mixed = after.degraded === null ? mixture(journal, after) : undefined
    if (mixed !== undefined) report("SetsUnmixed", "", `${old.id} was rolled back: ${mixed}`)
    return
  }
  const observed = journal.probation?.id === old.id ? journal.probation.observed : 0
  if (observed < probation - hidden) {
    report(
      "ProbationServed",
      "",
      `${old.id} was committed after ${Math.round(observed / 1000)} s of observed running, of ${probation / 1000} s`
    )
  }
}

/**
 * What is brought back although its version is still the one that is wanted, has
 * failed; while it is staged, the set may have that it took over from on probation.
 */
const abandoned = (old: Saga, saga: Saga, before: Durable, after: Durable, report: Report): void => {
  if (old.phase === "rollingBack" || saga.phase !== "rollingBack" || saga.kind === "rollback") return
  const unproved = old.members.flatMap(({ container, previous }) => {
    const assigned = assignmentOf(before, container)
    return assigned === null || assigned === previous?.image ? [] : [split(assigned).tag]
  })
  const failedBefore = after.quarantine.some((entry) =>
    unproved.includes(entry.version) && !before.quarantine.some(({ version }) => version === entry.version)
  )
  if (old.phase === "staging" && failedBefore) return
  const wanted = after.ordered ?? after.dpuVersion
  if (wanted === saga.version && !after.quarantine.some(({ version }) => version === wanted)) {
    report("QuarantineKept", "", `${saga.id} failed, and ${wanted} is not in quarantine`)
  }
}

/** Whether somebody else had it run this by then: what is wanted of it is taken over as it is. */
const isFound = (
  journal: DpuJournal,
  name: string,
  before: Durable,
  assigned: string | null,
  since: number
): boolean => {
  if (assigned === null) return false
  const { tag } = split(assigned)
  const evidence = journal.containers.get(name)?.evidence
  return journal.versions.has(tag) &&
    evidence?.was("Running", since, (one) => versionKnown(before.containers[name], one) === tag) === true
}

/** Neither runs, nor is its image on the NPU: there may be nothing to go back to. */
const isLost = (journal: DpuJournal, name: string, image: string | null, since: number): boolean => {
  const evidence = journal.containers.get(name)?.evidence
  return image !== null && !journal.imagesSeen.has(image)
    && (evidence?.was("Stopped", since) === true || evidence?.was("Absent", since) === true)
}

const begun = (
  journal: DpuJournal,
  saga: Saga,
  before: Durable,
  after: Durable,
  since: number,
  report: Report
): void => {
  const isBad = (memory: Durable): boolean => memory.quarantine.some(({ version }) => version === saga.version)
  if (saga.kind === "upgrade" && isBad(before) && isBad(after)) {
    report("QuarantineKept", "", `${saga.id} begins to ${saga.version}, which is in quarantine`)
  }
  for (const { container, passed, previous, target } of saga.members) {
    // Where it takes over from another, the way back is that one's.
    const ran = [before, after].map((memory) => assignmentOf(memory, container))
    const isHeld = ran.includes(previous?.image ?? null)
      || (previous === null && ran.every((image) => isLost(journal, container, image, since)))
    if (saga.kind === "upgrade" && before.upgrade === null && !isHeld) {
      report("WayBackHeld", container, `${saga.id} has ${previous?.image ?? "nothing"} as the way back from it`)
    }
    // What it was found to run instead may have come to be known in this very turn.
    const runs = [before, after].every((memory) => memory.containers[container]?.assigned === target)
    if (!passed && runs) {
      report("UnaffectedLeftAlone", container, `${saga.id} is to change it to ${target}, which it runs`)
    }
  }
}

/** Before the first stop, everything that may have to be started is there. */
const staged = (journal: DpuJournal, saga: Saga, report: Report): void => {
  const wanted = saga.members.flatMap(({ container, previous, target }) => [
    ...(previous === null ? [] : [{ container, image: previous.image }]),
    ...(saga.kind === "rollback" || saga.phase === "rollingBack" ? [] : [{ container, image: target }])
  ])
  for (const { container, image } of wanted) {
    if (saga.phase === "rollingBack" && saga.kind === "upgrade") continue
    if (!journal.imagesSeen.has(image)) {
      report("WayBackHeld", container, `${saga.id} is ${saga.phase}, and the NPU was not seen to hold ${image}`)
    }
  }
}

/** At a stop for a switch: what has passed its gate is stopped for another reason. */
export const stoppedForSwitch = (journal: DpuJournal, name: string, report: Report): void => {
  const saga = journal.intended?.upgrade ?? null
  const member = saga?.members.find(({ container }) => container === name)
  if (saga?.phase !== "switching" || member === undefined || member.passed || member.previous === null) return
  if (!journal.imagesSeen.has(member.previous.image)) {
    report(
      "WayBackHeld",
      name,
      `it is stopped for ${saga.id}, and the NPU was not seen to hold ${member.previous.image}`
    )
  }
}

/** The versions that services are assigned. What never ran was assigned nothing, and mixes no set. */
export const assignedTags = (memory: Durable): ReadonlySet<string> =>
  new Set(
    Object.keys(memory.containers).flatMap((name) => {
      const assigned = assignmentOf(memory, name)
      return assigned === null ? [] : [split(assigned).tag]
    })
  )

/** At the end: whether the set is of one version. */
export const setMixed = (journal: DpuJournal): string | undefined => {
  const { memory } = journal
  return memory === undefined || memory.upgrade !== null || memory.degraded !== null || memory.paused
    ? undefined
    : mixture(journal, memory)
}

const mixture = (journal: DpuJournal, memory: Durable): string | undefined => {
  const assigned = new Map(
    [...journal.containers.keys()].flatMap((name) => {
      const image = assignmentOf(memory, name)
      return image === null ? [] : [[name, split(image).tag] as const]
    })
  )
  return new Set(assigned.values()).size <= 1
    ? undefined
    : [...assigned].map(([name, version]) => `${name} is to run ${version}`).join(", ")
}
