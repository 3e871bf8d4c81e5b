/**
 * The saga of an upgrade: stage → pre-flight → switch in order, each through its
 * gate → probation → commit; back as recorded when it fails. Each turn takes the
 * saga as far as what was seen allows. What it decides is durable before it is
 * acted upon, and recovery does the acting: the saga assigns images, no more.
 */
import { split } from "../../model/image.ts"
import { targetVersion } from "../memory.ts"
import { healthOf, isPaused, isQuarantined, silenceOf } from "../question.ts"
import type { Turn } from "../turn.ts"
import { begin, inherit, join } from "./begin.ts"
import { hasPassedGate, restartClocks, unreadyOf } from "./clock.ts"
import { changeMember, isAwaited, isTried, isUnproved } from "./count.ts"
import { commit, drop, fail, giveUp, mend, noteMixed, quarantineUnproved, rollBack, rolledBack } from "./end.ts"
import { keepArchives } from "./keep.ts"
import {
  failedTries,
  isAtWayBack,
  isUnswitched,
  isWantedRunning,
  needed,
  runningInstance,
  specOf,
  stagedImages,
  wrongServices
} from "./members.ts"
import type { Member, Saga } from "./record.ts"
import { loseWaysBack, preflight, stage, staging, waitForWayBack } from "./stage.ts"
import { turnTo } from "./switch.ts"

export const advance = (turn: Turn): void => {
  // What cannot be made durable is not done: recovery goes on, the set stays where it is.
  if (turn.now.unsavable !== undefined) return
  mend(turn)
  retarget(turn)
  if (turn.memory.durable.upgrade === null) begin(turn)
  if (turn.memory.durable.upgrade === null) return noteMixed(turn)
  const saga = join(turn, turn.memory.durable.upgrade)
  switch (saga.phase) {
    case "staging":
      return staged(turn, saga)
    case "switching":
      return switching(turn, saga)
    case "probation":
      return probation(turn, saga)
    case "rollingBack":
      return rollingBack(turn, saga)
  }
}

/**
 * Brings the next image to the NPU that is to be there ahead of its start. Comes
 * after recovery, which needs the one transfer more. Returns when time alone
 * ends what it waits for; mono.
 */
export const provision = (turn: Turn): number | undefined => {
  const images = stagedImages(turn.memory)
  if (images.length === 0 || turn.now.unsavable !== undefined) return undefined
  const state = stage(turn, images)
  if (state._tag === "Wait") return state.until
  if (turn.memory.durable.upgrade?.phase === "switching") return undefined
  // Ahead of the DPU's restart, what it runs now can still be found here.
  keepArchives(turn)
  return undefined
}

/** What becomes of a saga whose target is no longer the one that is wanted. */
const retarget = (turn: Turn): void => {
  const saga = turn.memory.durable.upgrade
  const version = targetVersion(turn.memory)
  if (saga === null || version === undefined || saga.phase === "rollingBack") return
  if (saga.kind === "rollback") {
    // Its quarantine ends with the version that it is about.
    if (!isQuarantined(turn.memory, version) && !isPaused(turn.memory, version)) {
      drop(turn, saga, `version ${version} is wanted now`)
    }
    return
  }
  if (saga.version === version) return
  const reason = `version ${version} is wanted now`
  const isUnproved = saga.phase === "probation" || !saga.members.every((member) => isAtWayBack(turn.memory, member))
  if (saga.phase === "staging" && !isUnproved) drop(turn, saga, reason)
  else if (
    saga.phase === "switching" || saga.members.every((member) => isAt(member, version))
    // Nothing may begin in its place: what is not there yet is brought back, what runs on probation goes on.
    || (saga.phase === "staging" && isQuarantined(turn.memory, version))
  ) fail(turn, saga, reason, false)
  else if (!isQuarantined(turn.memory, version) && !isPaused(turn.memory, version)) inherit(turn, saga, version)
}

/** Whether a member's way back is of this version. */
const isAt = ({ previous }: Member, version: string): boolean =>
  previous !== null && split(previous.image).tag === version

const staged = (turn: Turn, before: Saga): void => {
  if (hasFailedUnproved(turn, before)) return
  const saga = loseWaysBack(turn, before)
  if (staging(turn.memory, stagedImages(turn.memory), turn.now.mono)._tag !== "Ready") return
  if (!keepArchives(turn)) return
  if (preflight(turn.memory, saga)._tag === "Wait") return turn.setUpgrade({ heldBack: true })
  // However long it was held back, the first stop follows upon a fresh list.
  if (turn.memory.upgrade.heldBack) return turn.setUpgrade({ heldBack: false, imagesFresh: false })
  const { ids } = turn.memory.images
  /** The id that the NPU's list has told, or what was known before. */
  const idOf = (image: string, before: string | null): string | null => ({ [image]: before, ...ids })[image]!
  const ready: Saga = {
    ...saga,
    phase: "switching",
    members: saga.members.map((member) => ({
      ...member,
      digest: idOf(member.target, member.digest),
      previous: member.previous === null
        ? null
        : { ...member.previous, id: idOf(member.previous.image, member.previous.id) }
    }))
  }
  turn.setDurable({ upgrade: ready })
  restartClocks(turn)
  if (ready.kind === "rollback") rollBack(turn, ready)
  else {
    turn.say(
      "notice",
      "Staged",
      `Old and new images are on the NPU; ${ready.id} switches to ${ready.version}: ${
        ready.members.map(({ container }) => container).join(", ")
      }.`
    )
    switching(turn, ready)
  }
}

const switching = (turn: Turn, before: Saga): void => {
  if (hasFailed(turn, before)) return
  let saga = loseWaysBack(turn, before)
  for (const { container } of saga.members) {
    const member = saga.members.find((candidate) => candidate.container === container)
    // What the catalogue no longer has is left alone.
    if (member === undefined || member.passed || specOf(turn.memory, member) === undefined) continue
    if (member.side === "old") {
      if (waitForWayBack(turn.memory, turn.now.mono) !== undefined) return
      saga = turnTo(turn, saga, member, "new")
    }
    if (!passes(turn, member)) return
    saga = changeMember(turn, saga, container, () => ({ side: "new", passed: true }))
    // Each stop follows upon a list of its own: an image may have vanished while the gate was passed.
    turn.setUpgrade({ imagesFresh: false })
  }
  turn.setDurable({ upgrade: { ...saga, phase: "probation", probation: 0 } })
  turn.setUpgrade({ probation: 0 })
  turn.say(
    "notice",
    "Probation",
    `All services of ${saga.id} run ${saga.version}; it is committed after ${
      turn.memory.policy.upgrade.probation / 1000
    } s of observed running.`
  )
}

/** What it took over from on probation may fail while it is still being staged: that one's set is brought back. */
const hasFailedUnproved = (turn: Turn, saga: Saga): boolean => {
  const { restarts } = turn.memory.policy.upgrade
  const bad = saga.members.find((member) => isUnproved(turn.memory, saga, member) && member.restarts >= restarts)
  if (bad === undefined) return false
  const reason = `${failureText(turn, bad)}, whose set had not proved good`
  quarantineUnproved(turn, saga, reason)
  fail(turn, saga, reason, false)
  return true
}

/** Whether its gate is behind it; what an operator stopped has none. */
const passes = (turn: Turn, member: Member): boolean => {
  if (!isWantedRunning(turn.memory, member)) return true
  if (!hasPassedGate(turn, member)) return false
  turn.say("notice", "GatePassed", `${member.container} runs and answers as it should.`, member.container)
  return true
}

const probation = (turn: Turn, saga: Saga): void => {
  if (hasFailed(turn, saga)) return
  const observed = saga.probation + turn.memory.upgrade.probation
  if (observed < turn.memory.policy.upgrade.probation) return
  const holds = saga.members.filter((member) => isWantedRunning(turn.memory, member)).every((member) => {
    const spec = specOf(turn.memory, member)
    return spec !== undefined && runningInstance(turn.memory, spec) !== undefined &&
      healthOf(turn.memory, spec) === "True"
  })
  // A set is never committed in part.
  if (holds && wrongServices(turn.memory, saga.version).length === 0) commit(turn, saga)
}

const hasFailed = (turn: Turn, saga: Saga): boolean => {
  const culprit = culpritOf(turn, saga)
  if (culprit === undefined) return false
  fail(turn, saga, culprit, true)
  return true
}

const rollingBack = (turn: Turn, before: Saga): void => {
  const culprit = culpritOf(turn, before)
  if (culprit !== undefined) {
    return giveUp(turn, before, `${before.failure ?? "it was rolled back"}; of the set before it ${culprit}`)
  }
  let saga = before
  for (const member of before.members) {
    if (!member.passed && passes(turn, member)) {
      saga = changeMember(turn, saga, member.container, () => ({ passed: true }))
    }
  }
  if (saga.members.every(({ passed }) => passed)) rolledBack(turn, saga)
}

/** A clause that says what has failed that the set on trial cannot do without, and how; undefined where nothing has. */
const culpritOf = (turn: Turn, saga: Saga): string | undefined => {
  const { restarts, unhealthyFor } = turn.memory.policy.upgrade
  for (const member of saga.members) {
    const lacks = saga.phase === "switching" && isUnswitched(turn.memory, member) ? lackOf(turn, member) : ""
    if (lacks !== "" && member.restarts >= restarts) return `${member.container} cannot be switched${lacks}`
    if (!isTried(saga, member) || !isWantedRunning(turn.memory, member)) continue
    if (member.restarts >= restarts) {
      return failureText(turn, member)
    }
    const unready = unreadyOf(turn, member)
    if (unready >= unhealthyFor) {
      const { probe } = turn.watched(member.container)
      return `${member.container} ran for ${Math.round(unready / 1000)} s and does not answer its probe${
        silenceOf(probe)
      }`
    }
  }
  // What a member comes after and the saga does not change: without it no gate is ever passed.
  const beside = Object.keys(saga.beside).find((container) =>
    saga.beside[container]! >= restarts && isAwaited(turn.memory, saga, container)
  )
  return beside === undefined
    ? undefined
    : `${beside}, which it does not change and which others come after, failed ${saga.beside[beside]} times`
}

const failureText = (turn: Turn, { container, restarts }: Member): string => {
  const { lastReason } = turn.record(container)
  return `${container} failed ${restarts} times${lastReason === null ? "" : ` (${lastReason})`}`
}

/** What a member needs and could not be brought to the NPU: a clause for each image, empty where that is not known any more. */
const lackOf = ({ memory }: Turn, member: Member): string =>
  needed(member).filter((image) => failedTries(memory, image) > 0).map((image) =>
    `, since ${image} could not be brought to the NPU (${memory.images.pace[image]?.reason})`
  ).join("")
