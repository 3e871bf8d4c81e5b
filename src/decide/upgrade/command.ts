/** The operator's hand on upgrades. Each order is durable before it is answered. */
import { split } from "../../model/image.ts"
import type { Command, Reply } from "../input.ts"
import { assignedImage, dpuVersion, recordOf, targetVersion } from "../memory.ts"
import type { Turn } from "../turn.ts"
import { inherit, membersBack, open } from "./begin.ts"
import { drop, fail, quarantine } from "./end.ts"
import { isAtWayBack, wrongServices } from "./members.ts"
import type { Phase, Saga } from "./record.ts"

export type UpgradeCommand = Extract<Command, { _tag: "Upgrade" | "Rollback" | "Release" | "Pause" }>

export const obeyUpgrade = (turn: Turn, command: UpgradeCommand): Reply => {
  const { unsavable } = turn.now
  if (unsavable !== undefined) {
    return { _tag: "NotRecorded", reason: `the order could not be saved, so it was not taken: ${unsavable}` }
  }
  turn.look = true
  switch (command._tag) {
    case "Upgrade":
      return command.stageOnly ? stageAhead(turn, command.version) : upgrade(turn, command.version)
    case "Rollback":
      return rollback(turn)
    case "Release":
      return release(turn, command.subject)
    case "Pause":
      return pause(turn, command.paused)
  }
}

const refused = (reason: string): Reply => ({ _tag: "Declined", reason })
const versionUnknown = "the DPU's SONiC version cannot be told; say which with --to VERSION"

/** To this version, or to the DPU's; also while automatic upgrades are paused. */
const upgrade = (turn: Turn, given: string | undefined): Reply => {
  const { durable } = turn.memory
  const version = given ?? dpuVersion(turn.memory)
  if (version === undefined) return refused(versionUnknown)
  const bad = durable.quarantine.find((entry) => entry.version === version)
  if (bad !== undefined) {
    return refused(
      `the set of version ${version} is in quarantine (${bad.reason}); to try it all the same, run: offloadctl release ${version}`
    )
  }
  const saga = durable.upgrade
  if (saga?.phase === "rollingBack") {
    return refused(`not taken: ${saga.id} is being rolled back; order it again when that is over`)
  }
  turn.setDurable({ ordered: version, staged: null })
  // An order ends every wait of a transfer.
  turn.setImages({ pace: {}, nextListing: Number.NEGATIVE_INFINITY })
  turn.say("notice", "UpgradeRequested", `An operator wants every service at ${version}.`)
  if (saga?.version === version && saga.kind === "upgrade") {
    turn.setDurable({ upgrade: { ...saga, by: "operator" } })
    return { _tag: "Taken", saga: saga.id, version, message: `${saga.id} to ${version} is under way already` }
  }
  if (wrongServices(turn.memory, version).length === 0) {
    if (version === dpuVersion(turn.memory)) turn.setDurable({ ordered: null })
    return { _tag: "Taken", saga: undefined, version, message: alreadyAt(turn.memory, version) }
  }
  const meanwhile = saga === null ? "" : `; ${saga.id} to ${saga.version} ${givesWay[saga.phase]}`
  return { _tag: "Taken", saga: nextId(turn), version, message: `the upgrade to ${version} is ordered${meanwhile}` }
}

/** Nothing is to be switched; but what was never started is at no version yet. */
const alreadyAt = (memory: Turn["memory"], version: string): string => {
  const unstarted = memory.specs.filter(({ name }) => assignedImage(memory, name) === undefined)
  if (unstarted.length === 0) return `every service is at ${version} already`
  const due = unstarted.filter(({ name }) => recordOf(memory, name).desired === "running").map(({ name }) => name)
  return `no service is at another version than ${version}${
    due.length === 0 ? "" : `; ${due.join(", ")} will be started at it`
  }`
}

/** What becomes of an upgrade when another is ordered in its place. */
const givesWay: Readonly<Record<Exclude<Phase, "rollingBack">, string>> = {
  staging: "is dropped for it, before it has stopped anything",
  switching: "is brought back first",
  probation: "had not proved good yet: the way back is the set before it"
}

const nextId = (turn: Turn): string => `upgrade-${turn.memory.durable.upgrades + 1}`

const stageAhead = (turn: Turn, version: string | undefined): Reply => {
  if (version === undefined) return refused(versionUnknown)
  turn.setDurable({ staged: version })
  turn.setImages({ pace: {}, nextListing: Number.NEGATIVE_INFINITY })
  turn.setUpgrade({ imagesFresh: false })
  turn.say("notice", "StagingRequested", `An operator wants the images of ${version} on the NPU ahead of their time.`)
  const saga = turn.memory.durable.upgrade
  const after = saga === null || saga.version === version ? "" : ` once ${saga.id} is over`
  const message = hasStaged(saga, version)
    ? `the images of ${version} are on the NPU already: ${saga?.id} runs them`
    : `the images of ${version} are brought to the NPU${after}`
  return { _tag: "Taken", saga: undefined, version, message }
}

/** Whether an upgrade has brought all images of this version, and gone on from there. */
const hasStaged = (saga: Saga | null, version: string): boolean =>
  saga !== null && saga.kind === "upgrade" && saga.version === version
  && (saga.phase === "switching" || saga.phase === "probation")

/** Back from what is under way, or to the set before the last committed one. */
const rollback = (turn: Turn): Reply => {
  const { previousSet, upgrade: saga } = turn.memory.durable
  const reason = "an operator asked for it"
  if (saga !== null) {
    if (saga.phase === "rollingBack" || saga.kind === "rollback") {
      return { _tag: "Taken", saga: saga.id, version: saga.version, message: `${saga.id} is being rolled back already` }
    }
    turn.say("notice", "RollbackRequested", `An operator wants ${saga.id} to ${saga.version} undone.`)
    if (saga.phase === "staging") {
      quarantine(turn, saga, reason)
      // The order is undone with it: the DPU's own version is wanted again.
      if (turn.memory.durable.ordered === saga.version) turn.setDurable({ ordered: null })
      // What it took over from on probation is not good yet: it goes on with that, where that is wanted, or back.
      const wanted = targetVersion(turn.memory)
      const goesOn = wanted ?? turn.memory.durable.dpuVersion ?? saga.version
      if (saga.members.every((member) => isAtWayBack(turn.memory, member))) drop(turn, saga, reason)
      else if (goesOn !== saga.version && wrongServices(turn.memory, goesOn).length === 0) inherit(turn, saga, goesOn)
      else if (wanted === undefined || wanted === saga.version) fail(turn, saga, reason, false)
    } else fail(turn, saga, reason, true)
    return { _tag: "Taken", saga: saga.id, version: saga.version, message: `${saga.id} to ${saga.version} is undone` }
  }
  const members = previousSet === null ? [] : membersBack(turn.memory, previousSet)
  const [first] = members
  if (previousSet === null || first === undefined) return refused("there is no earlier set to go back to")
  const strange = turn.memory.specs.filter(({ name }) =>
    previousSet[name] === undefined && assignedImage(turn.memory, name) !== undefined
  )
  if (strange.length > 0) {
    return refused(
      `the earlier set has no image of ${
        strange.map(({ name }) => name).join(", ")
      }: going back would leave services of several versions; bring them to one with: offloadctl upgrade --to VERSION`
    )
  }
  const version = split(first.target).tag
  turn.say("notice", "RollbackRequested", `An operator wants the set before ${version} back.`)
  const opened = open(turn, { kind: "rollback", version, members })
  quarantine(turn, opened, reason)
  return { _tag: "Taken", saga: opened.id, version, message: `${opened.id} brings back the set before ${version}` }
}

/** By version, by `name:tag`, or by the first twelve or more digits of an image's digest. */
const release = (turn: Turn, subject: string): Reply => {
  const isMeant = (entry: Turn["memory"]["durable"]["quarantine"][number]): boolean =>
    entry.version === subject
    || entry.images.some(({ digest, image }) => image === subject || (digest !== null && startsAlike(digest, subject)))
  const { quarantine: entries } = turn.memory.durable
  const released = entries.filter(isMeant)
  const [first] = released
  if (first === undefined) {
    const known = entries.map(({ version }) => version).join(", ")
    return refused(
      `nothing is in quarantine under ${JSON.stringify(subject)}; ${
        known === "" ? "nothing is at all" : `there is ${known}`
      }`
    )
  }
  turn.setDurable({ quarantine: entries.filter((entry) => !isMeant(entry)) })
  const versions = released.map(({ version }) => version).join(", ")
  turn.say("notice", "Released", `An operator ended the quarantine of ${versions}.`)
  return {
    _tag: "Taken",
    saga: undefined,
    version: first.version,
    message: `the quarantine of ${versions} is over; what the NPU holds of it is what failed, until a mended image `
      + "is sent with: offloadctl deploy IMAGE"
  }
}

const startsAlike = (digest: string, subject: string): boolean => {
  const bare = subject.replace(/^sha256:/, "")
  return bare.length >= 12 && digest.replace(/^sha256:/, "").startsWith(bare)
}

const pause = (turn: Turn, paused: boolean): Reply => {
  const before = turn.memory.durable.paused
  turn.setDurable({ paused })
  turn.say(
    "notice",
    paused ? "PauseRequested" : "ResumeRequested",
    paused
      ? "An operator has paused automatic upgrades. Recovery goes on, and what is being switched is finished."
      : "An operator lets automatic upgrades go on."
  )
  const running = turn.memory.specs.flatMap(({ name }) => assignedImage(turn.memory, name)?.tag ?? [])
  return {
    _tag: "Taken",
    saga: undefined,
    version: running[0] ?? "",
    message: `automatic upgrades ${before === paused ? "were" : "are"} ${paused ? "paused" : "on"}${
      before === paused ? " already" : ""
    }`
  }
}
