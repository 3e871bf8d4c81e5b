/** How a saga ends: committed, failed and brought back, or given up for a person to mend. */
import { format, split } from "../../model/image.ts"
import { assignedImage, targetVersion } from "../memory.ts"
import { healthOf, isQuarantined, runsAssigned } from "../question.ts"
import type { Turn } from "../turn.ts"
import { restartClocks } from "./clock.ts"
import { assignedVersions, setText } from "./explain.ts"
import { isAtWayBack, waysBackOf } from "./members.ts"
import type { Quarantined, Saga, SagaOutcome } from "./record.ts"
import { turnTo } from "./switch.ts"

/** Sets that are remembered, so that their images may be pruned some day. */
const rememberedSets = 8

/** All members have held: the new set is the good one, and the one before it is kept. */
export const commit = (turn: Turn, saga: Saga): void => {
  const { pastSets, previousSet, staged } = turn.memory.durable
  turn.setDurable({
    degraded: null,
    ...(staged === saga.version ? { staged: null } : {}),
    previousSet: previousOf(turn, saga),
    pastSets: previousSet === null ? pastSets : [...pastSets, previousSet].slice(-rememberedSets)
  })
  end(turn, saga, "committed", `every service has run version ${saga.version} through its gate and its probation`)
  turn.say("notice", "UpgradeCommitted", `${saga.id} is done: all services run ${saga.version}.`)
}

/** The set before this saga: its members' ways back, and what the other services run. */
const previousOf = (turn: Turn, saga: Saga): Readonly<Record<string, string>> =>
  Object.fromEntries(turn.memory.specs.flatMap(({ name }) => {
    const member = saga.members.find(({ container }) => container === name)
    const assigned = assignedImage(turn.memory, name)
    const image = member === undefined
      ? assigned === undefined ? undefined : format(assigned)
      : member.previous?.image
    return image === undefined ? [] : [[name, image]]
  }))

/**
 * Brings back every member that was switched, exactly as it was recorded. A set
 * that failed is quarantined; one that only lost its purpose is not.
 */
export const fail = (turn: Turn, saga: Saga, reason: string, quarantined: boolean): void => {
  if (quarantined) quarantine(turn, saga, reason)
  turn.say(
    quarantined ? "error" : "notice",
    quarantined ? "UpgradeFailed" : "UpgradeAbandoned",
    `${saga.id} to ${saga.version} ${
      quarantined ? "failed" : "is given up"
    }: ${reason}. The set is brought back as it was recorded${versionsOf(saga)}.`
  )
  rollBack(turn, { ...saga, failure: reason })
}

/** At which versions a saga's ways back are: `, at 1.0`. */
const versionsOf = (saga: Saga): string =>
  [...new Set(waysBackOf(saga).map(({ tag }) => tag))].map((version) => `, at ${version}`).join("")

/** Turns every member that is not at its way back to it. */
export const rollBack = (turn: Turn, saga: Saga): void => {
  const switched = saga.members.filter((member) => member.side === "new" || !isAtWayBack(turn.memory, member))
  let changed: Saga = {
    ...saga,
    phase: "rollingBack",
    beside: {},
    probation: 0,
    members: saga.members.map((member) => ({ ...member, passed: true }))
  }
  turn.setDurable({ upgrade: changed })
  restartClocks(turn)
  for (const member of switched) {
    if (member.previous !== null) changed = turnTo(turn, changed, member, "old")
  }
}

/** The old set runs again, or what of it has a way back. */
export const rolledBack = (turn: Turn, saga: Saga): void => {
  const stranded = saga.members.filter(({ previous }) => previous === null)
  if (stranded.length > 0) {
    const fates = stranded.map(({ container, side }) =>
      `${container} had no way back and ${side === "new" ? `stays at ${saga.version}` : "was not switched"}`
    )
    return giveUp(turn, saga, `${saga.failure ?? "it was rolled back"}; ${fates.join("; ")}`)
  }
  end(turn, saga, "rolledBack", saga.failure ?? "an operator asked for it")
  turn.say("notice", "RolledBack", `${saga.id} is over: the set before ${saga.version} runs again${versionsOf(saga)}.`)
  if (assignedVersions(turn.memory).length > 1) {
    degrade(turn, `the set was mixed before and could not be mended: ${setText(turn.memory)}`)
  }
}

/** Nothing more is done by itself but recovery: a person has to look at it. */
export const giveUp = (turn: Turn, saga: Saga, reason: string): void => {
  end(turn, saga, "degraded", reason)
  degrade(turn, reason)
}

/** A set of several versions stays so where the one that would mend it is in quarantine, by whatever way it came to that. */
export const noteMixed = (turn: Turn): void => {
  const { degraded, upgrade } = turn.memory.durable
  const version = targetVersion(turn.memory)
  if (degraded !== null || upgrade !== null || version === undefined || !isQuarantined(turn.memory, version)) return
  if (assignedVersions(turn.memory).length <= 1) return
  degrade(turn, `the set of version ${version} is in quarantine, and the present one is mixed: ${setText(turn.memory)}`)
}

const degrade = (turn: Turn, reason: string): void => {
  const { quarantine } = turn.memory.durable
  const wanted = targetVersion(turn.memory)
  const bad = quarantine.find((entry) => entry.version === wanted) ?? quarantine.at(-1)
  const release = bad === undefined
    ? ""
    : `, or send mended images with "offloadctl deploy IMAGE" and run: offloadctl release ${bad.version}`
  const what =
    `${reason}. Recovery goes on at the pace of its ladder. What to do: see "offloadctl plan" and the logs of `
    + `the services; then bring the DPU to another version${release}`
  turn.setDurable({ degraded: what })
  turn.say("error", "Degraded", `The set of services could not be mended: ${what}`)
}

/** Degraded is over once all run, answer, and are of one version, by whatever hand. */
export const mend = (turn: Turn): void => {
  const { memory } = turn
  if (memory.durable.degraded === null || memory.durable.upgrade !== null) return
  const sound = assignedVersions(memory).length <= 1 &&
    memory.specs.every((spec) =>
      turn.record(spec.name).desired === "stopped"
      || (runsAssigned(memory, spec) === true && healthOf(memory, spec) === "True")
    )
  if (!sound) return
  turn.setDurable({ degraded: null })
  turn.say("notice", "NoLongerDegraded", `All services run and answer, of one version: ${setText(memory)}.`)
}

/** Nothing was stopped yet: the saga is dropped without trace on the NPU but for images. */
export const drop = (turn: Turn, saga: Saga, reason: string): void => {
  end(turn, saga, "superseded", reason)
  turn.say(
    "notice",
    "UpgradeSuperseded",
    `${saga.id} to ${saga.version} is dropped before anything was stopped: ${reason}.`
  )
}

const end = (turn: Turn, saga: Saga, outcome: SagaOutcome, reason: string): void => {
  const { ordered } = turn.memory.durable
  turn.setDurable({
    upgrade: null,
    lastUpgrade: {
      id: saga.id,
      kind: saga.kind,
      version: saga.version,
      outcome,
      reason,
      at: new Date(turn.now.wall).toISOString()
    },
    // An order is carried out once, and where it failed not given again by itself. What it had taken over from may have
    // failed in its place: then it has still to be carried out.
    ...(ordered === saga.version && outcome !== "superseded" && isSettled(turn, ordered, outcome)
      ? { ordered: null }
      : {})
  })
  restartClocks(turn)
}

/** Whether an order of this version is over: carried out and the DPU's own, or failed. */
const isSettled = ({ memory }: Turn, ordered: string, outcome: SagaOutcome): boolean =>
  outcome === "committed" ? memory.durable.dpuVersion === ordered : isQuarantined(memory, ordered)

export const quarantine = (turn: Turn, { members, version }: Saga, reason: string): void =>
  setApart(turn, version, members.map(({ digest, target }) => ({ image: target, digest })), reason)

/** The set that was on probation when this saga took over from it. */
export const quarantineUnproved = (turn: Turn, { members }: Saga, reason: string): void => {
  const images = members.filter((member) => !isAtWayBack(turn.memory, member))
    .flatMap(({ container }) => turn.record(container).assigned ?? [])
  for (const version of new Set(images.map((image) => split(image).tag))) {
    const ofVersion = images.filter((image) => split(image).tag === version)
    setApart(turn, version, ofVersion.map((image) => ({ image, digest: null })), reason)
  }
}

const setApart = (turn: Turn, version: string, images: Quarantined["images"], reason: string): void => {
  const entry: Quarantined = { version, images, reason, at: new Date(turn.now.wall).toISOString() }
  turn.setDurable({
    quarantine: [...turn.memory.durable.quarantine.filter((other) => other.version !== version), entry]
  })
  turn.say(
    "warning",
    "Quarantined",
    `The set of version ${version} is not started again by itself: ${reason}. That ends when the DPU's version changes, or by: offloadctl release ${version}`
  )
}
