/**
 * Staging and pre-flight: while the old set runs, every image that the saga may
 * have to start is brought to the NPU, one at a time, and shown by a list that
 * was asked for after the last transfer. What is there already is not sent again.
 */
import { format, type ImageRef, split } from "../../model/image.ts"
import { deedsOf } from "../../model/speech.ts"
import { lacking } from "../capable.ts"
import { listImages } from "../list-images.ts"
import { targetVersion, watchedOf } from "../memory.ts"
import { blockingIntent, isHeld, runsAssigned } from "../question.ts"
import { beginTransfer } from "../transfer.ts"
import type { Turn } from "../turn.ts"
import type { Wait } from "../wait.ts"
import { failedTries, isAtWayBack, specOf, stagedImages, unseen } from "./members.ts"
import type { Member, Saga } from "./record.ts"

export type Staging =
  | { readonly _tag: "Ready" }
  /** `doing`: nothing stands in the way, it takes its time. */
  | Wait & { readonly doing?: true }
  | { readonly _tag: "List" }
  | { readonly _tag: "Send"; readonly image: ImageRef }

/** What stands between these images and the NPU. */
export const staging = (memory: Turn["memory"], images: ReadonlyArray<ImageRef>, mono: number): Staging => {
  const { npu, upgrade } = memory
  const store = memory.images
  if (npu.reachable !== true) {
    return { _tag: "Wait", reason: "NpuUnreachable", message: "waiting for the NPU to answer" }
  }
  const lacks = lacking(memory, ["images", "deploy"])
  if (lacks.length > 0) {
    return {
      _tag: "Wait",
      reason: "NotCapable",
      message: `the NPU cannot ${deedsOf(lacks)}`,
      advice: "a newer gNOI Containerz server on the NPU"
    }
  }
  if (store.transfer !== undefined) {
    return {
      _tag: "Wait",
      reason: "Transferring",
      message: `${store.transfer.subject} is being sent to the NPU`,
      doing: true
    }
  }
  if (upgrade.pruning !== undefined) {
    return {
      _tag: "Wait",
      reason: "Pruning",
      message: `${upgrade.pruning} is just being removed from the NPU, since it was not wanted any more`,
      doing: true
    }
  }
  if (!upgrade.imagesFresh || images.some((image) => isHeld(memory, image) === undefined)) {
    if (store.listing) {
      return { _tag: "Wait", reason: "ListingImages", message: "asking the NPU which images it holds", doing: true }
    }
    return store.nextListing > mono
      ? {
        _tag: "Wait",
        reason: "ImagesUnknown",
        message: "waiting before the NPU is asked again which images it holds",
        until: store.nextListing
      }
      : { _tag: "List" }
  }
  const missing = images.filter((image) => isHeld(memory, image) !== true)
  const next = missing.find((image) => !isPaced(memory, image, mono))
  if (next !== undefined) return { _tag: "Send", image: next }
  const [first] = missing
  if (first === undefined) return { _tag: "Ready" }
  const pace = store.pace[format(first)]
  return {
    _tag: "Wait",
    reason: "ImageUnavailable",
    message: `${format(first)} is not on the NPU and could not be sent: ${pace?.reason ?? "it failed"}`,
    until: Math.min(...missing.map((image) => store.pace[format(image)]?.at ?? Number.POSITIVE_INFINITY)),
    advice: `put an archive that holds ${format(first)} into the images folder, or make room on the NPU, then run: `
      + "offloadctl retry --all"
  }
}

const isPaced = (memory: Turn["memory"], image: ImageRef, mono: number): boolean =>
  (memory.images.pace[format(image)]?.at ?? mono) > mono

/** What of this must be there before a service is stopped for a switch: its way back may have vanished since it was staged. */
export const waitForWayBack = (memory: Turn["memory"], mono: number): Wait | undefined => {
  const state = staging(memory, stagedImages(memory), mono)
  switch (state._tag) {
    case "Ready":
      return undefined
    case "Wait":
      return state
    default:
      return {
        _tag: "Wait",
        reason: "StagingImages",
        message: "making sure that the NPU holds its image and the one to go back to"
      }
  }
}

/** Does the next thing; tells what it waits for, or that all is there. */
export const stage = (turn: Turn, images: ReadonlyArray<ImageRef>): Exclude<Staging, { _tag: "List" | "Send" }> => {
  const next = staging(turn.memory, images, turn.now.mono)
  if (next._tag === "Send") {
    beginTransfer(turn, { _tag: "Image", image: next.image }, "Transferring")
    turn.setUpgrade({ imagesFresh: false })
    return staging(turn.memory, images, turn.now.mono) as Exclude<Staging, { _tag: "List" | "Send" }>
  }
  if (next._tag !== "List") return next
  listImages(turn)
  return { _tag: "Wait", reason: "ListingImages", message: "asking the NPU which images it holds", doing: true }
}

const waitForResume = (message: string): Wait => ({
  _tag: "Wait",
  reason: "Paused",
  message,
  advice: "run: offloadctl resume"
})

/** Beyond the images: what else must hold before the first service is stopped. */
export const preflight = (memory: Turn["memory"], saga: Saga): Exclude<Staging, { _tag: "List" | "Send" }> => {
  const paused = "an operator has paused automatic upgrades"
  if (memory.durable.paused && saga.by === "version") return waitForResume(paused)
  const wanted = targetVersion(memory)
  // It had taken over from one on probation, and may not give way to the next: nothing is stopped for what nobody wants any more.
  if (saga.kind === "upgrade" && wanted !== undefined && wanted !== saga.version) {
    return waitForResume(`version ${wanted} is wanted now, and ${paused}`)
  }
  const hidden = unseen(memory)
  if (hidden !== undefined) {
    return { _tag: "Wait", reason: "StateUnknown", message: `waiting for a clear sight of ${hidden.name}` }
  }
  for (const member of saga.members) {
    const spec = specOf(memory, member)
    const blocked = spec === undefined ? undefined : blockingIntent(memory, spec)
    if (blocked !== undefined) {
      return {
        _tag: "Wait",
        reason: "DependencyStopped",
        message: `${member.container} could not be started again: ${blocked}`,
        advice: "start it, or stop what comes after it too"
      }
    }
  }
  return { _tag: "Ready" }
}

/** Whether it runs its way back, as far as can be told. */
const mayRunIt = (memory: Turn["memory"], member: Member): boolean => {
  const { inFlight, sighting } = watchedOf(memory, member.container)
  if (inFlight !== undefined || sighting._tag === "Unknown") return true
  const spec = specOf(memory, member)
  return sighting._tag === "Running"
    && (spec === undefined || !isAtWayBack(memory, member) || runsAssigned(memory, spec) !== false)
}

/**
 * A member that does not run its old image, which is neither on the NPU, by a list
 * of this moment, nor to be had, has no way back: it is held back no longer for
 * the sake of one.
 */
export const loseWaysBack = (turn: Turn, saga: Saga): Saga => {
  const isLost = (member: Member): boolean => {
    const { previous, side } = member
    if (previous === null || saga.kind === "rollback" || (saga.phase === "switching" && side === "new")) return false
    return !mayRunIt(turn.memory, member) && turn.memory.upgrade.imagesFresh &&
      isHeld(turn.memory, split(previous.image)) === false
      && failedTries(turn.memory, previous.image) >= turn.memory.policy.upgrade.stageTries
  }
  const lost = saga.members.filter(isLost)
  if (lost.length === 0) return saga
  const changed: Saga = {
    ...saga,
    members: saga.members.map((member) => isLost(member) ? { ...member, previous: null } : member)
  }
  turn.setDurable({ upgrade: changed })
  for (const { container, previous } of lost) {
    turn.say(
      "warning",
      "WayBackLost",
      `${container} does not run ${previous?.image}, which can neither be found on the NPU nor sent there: ${saga.id} goes on without a way back for it.`,
      container
    )
  }
  return changed
}
