/** What the ends of actions change in memory. */
import { isNotUndefined } from "effect/Predicate"

import type { ContainerSpec } from "../model/catalogue.ts"
import { format, same, split, type StoredImage } from "../model/image.ts"
import { baseDelay, delay } from "../policy/ladder.ts"
import type { Input, TransferOutcome } from "./input.ts"
import { chargeFailure, countsAsRestart } from "./owe.ts"
import { runsAssigned, wantedImage } from "./question.ts"
import { forgetFailures, forgetImages } from "./transfer.ts"
import type { Turn } from "./turn.ts"
import { countHeldUp, countRestart } from "./upgrade/count.ts"
import { stagedImages } from "./upgrade/members.ts"

/** Folds the end of a mutating call on a container. */
export const acted = (turn: Turn, input: Extract<Input, { _tag: "Acted" }>): void => {
  const spec = turn.memory.specs.find((candidate) => candidate.name === input.container)
  const { inFlight } = turn.watched(input.container)
  // An outcome without its action belongs to a container that the catalogue no longer has.
  if (spec === undefined || inFlight === undefined || inFlight.operation !== input.operation) return
  // What was seen before it is no more, even where the clock has not moved since.
  turn.setWatched(spec.name, { inFlight: undefined, lastActionEnd: turn.now.mono, lookBegun: undefined })
  turn.look = true
  const { outcome } = input
  if (outcome._tag === "Ambiguous") {
    // Where the NPU is known to be away, it is that, and nobody's failure.
    if (!(outcome.unreachable && turn.memory.npu.reachable === false)) {
      turn.setWatched(spec.name, {
        unsettled: { action: input.action, reason: outcome.reason, unreachable: outcome.unreachable }
      })
    }
    turn.say(
      "info",
      "OutcomeUnknown",
      `${input.action} of ${spec.name} ended unclearly (${outcome.reason}); the next look shows what it came to.`,
      spec.name
    )
    if (outcome.unreachable) turn.setNpu({ broke: true })
    if (input.action === "Stop") stopFailed(turn, spec.name)
    return
  }
  switch (input.action) {
    case "Start":
      return outcome._tag === "Done"
        ? started(turn, spec.name, input.operation, inFlight.after?.image)
        : startRefused(turn, spec, outcome.kind, outcome.reason)
    case "Stop":
      if (outcome._tag === "Done" || outcome.kind === "NotFound") {
        turn.setWatched(spec.name, { stopTries: 0, nextStop: Number.NEGATIVE_INFINITY })
        turn.say("notice", "Stopped", `${spec.name} was stopped.`, spec.name)
      } else {
        stopFailed(turn, spec.name)
        turn.say(
          "warning",
          "StopFailed",
          `${spec.name} could not be stopped: ${outcome.reason}. It is tried again, by force.`,
          spec.name
        )
      }
      return
    case "Remove":
      // Refused since it runs after all, or gone already: the next look shows which.
      if (outcome._tag === "Refused" && outcome.kind !== "NotFound") chargeFailure(turn, spec, outcome.reason)
      return
  }
}

const started = (turn: Turn, name: string, operation: string, image: string | undefined): void => {
  const record = turn.record(name)
  const cause = record.due?.cause
  turn.setRecord(name, {
    owned: true,
    due: null,
    startedAt: turn.now.mono,
    paidFor: 0,
    startedId: null,
    startedVersion: image === undefined ? record.startedVersion : split(image).tag,
    restarts: record.restarts + (cause !== undefined && countsAsRestart.has(cause) ? 1 : 0)
  })
  turn.say("info", "StartAccepted", `The NPU accepted the start of ${name} (${operation}).`, name)
}

const startRefused = (turn: Turn, spec: ContainerSpec, kind: string, reason: string): void => {
  // The image is not where the last list said; it is asked for again before the next try. None is wanted any more where
  // an order was undone, of a DPU whose version is not known.
  if (kind === "NotFound") forgetImages(turn, [wantedImage(turn.memory, spec)].filter(isNotUndefined).map(format))
  chargeFailure(turn, spec, reason)
}

const stopFailed = (turn: Turn, name: string): void => {
  const stopTries = turn.watched(name).stopTries + 1
  turn.setWatched(name, {
    stopTries,
    nextStop: turn.now.mono + (stopTries === 1 ? 0 : baseDelay(turn.memory.policy.transfer, stopTries - 1))
  })
}

/** Folds an answer to ListImages. */
export const imagesListed = (turn: Turn, input: Extract<Input, { _tag: "ImagesListed" }>): void => {
  const held = { ...turn.memory.images.held }
  const ids = { ...turn.memory.images.ids }
  for (const image of input.asked) {
    held[image] = input.held.includes(image)
    const id = idOf(input.rows ?? [], image)
    if (id !== undefined) ids[image] = ids[image]?.includes(id) === true ? ids[image] : id
  }
  turn.setImages({ held, ids, listing: false })
  forgetFailures(turn, input.held)
  const staged = stagedImages(turn.memory)
  if (staged.length > 0 && staged.every((image) => input.asked.includes(format(image)))) {
    turn.setUpgrade({ imagesFresh: true })
  }
}

/** A row carries the tags of all repositories under the name of one. */
const idOf = (rows: ReadonlyArray<StoredImage>, name: string): string | undefined => {
  const image = split(name)
  return rows.find(({ repository, tags }) => tags.some((tag) => same({ repository, tag }, image)))?.id
}

export const imagesNotListed = (turn: Turn, reason: string): void => {
  const wait = baseDelay(turn.memory.policy.transfer, 1)
  turn.setImages({ listing: false, listed: Number.NEGATIVE_INFINITY, nextListing: turn.now.mono + wait })
  turn.say("warning", "ImagesUnknown", `The NPU does not say which images it holds: ${reason}. It is asked again.`)
}

/** Folds the end of a transfer. */
export const transferred = (turn: Turn, input: Extract<Input, { _tag: "Transferred" }>): void => {
  const { transfer } = turn.memory.images
  if (transfer === undefined || transfer.operation !== input.operation) return
  turn.setImages({ transfer: undefined })
  turn.setUpgrade({ imagesFresh: false })
  turn.look = true
  const image = transfer.image ?? (input.outcome._tag === "Deployed" ? input.outcome.image : undefined)
  const { outcome } = input
  if (outcome._tag === "Deployed") {
    turn.setImages({
      held: { ...turn.memory.images.held, [outcome.image]: true },
      ids: { ...turn.memory.images.ids, [outcome.image]: outcome.configDigest }
    })
    forgetFailures(turn, [outcome.image])
    turn.say("notice", "Deployed", `${outcome.image} is on the NPU now (${input.operation}).`)
    return
  }
  if (outcome._tag === "Unproven") {
    turn.say("warning", "DeployUnproven", `${outcome.image} may be on the NPU now: ${outcome.reason}.`)
    return
  }
  if (image === undefined) {
    turn.say("warning", eventOf[outcome._tag], `${transfer.subject} was not deployed: ${outcome.reason}.`)
    return
  }
  // Whatever arrived of it is not trusted: the list is asked before anything else.
  forgetImages(turn, [image])
  const level = (turn.memory.images.pace[image]?.level ?? 0) + 1
  const wait = delay(turn.memory.policy.transfer, level, turn.random())
  const { reason, room } = { room: undefined, ...outcome }
  turn.setImages({
    pace: { ...turn.memory.images.pace, [image]: { level, at: turn.now.mono + wait, reason, room } }
  })
  // What is free, and held by whom, changes by the minute: no room is one reason.
  const kind = room === undefined ? reason : "NoRoom"
  if (level >= turn.memory.policy.upgrade.stageTries) {
    announceRefusal(turn, image, kind, reason)
    if (!(outcome._tag === "Failed" && outcome.unreachable)) countUnavailable(turn, image, reason)
  }
  const again = ` It is tried again in ${Math.round(wait / 1000)} s if it is still wanted.`
  turn.say(
    "warning",
    eventOf[outcome._tag],
    `${image} was not deployed: ${outcome.reason}.${isWanted(turn, image) ? again : ""}`
  )
}

/** Whether a service shall run this image: what only an operator asked for is not sent again by itself. */
const isWanted = (turn: Turn, image: string): boolean =>
  stagedImages(turn.memory).some((staged) => format(staged) === image)
  || turn.memory.specs.some((spec) => isFor(turn, spec, image))

const isFor = (turn: Turn, spec: ContainerSpec, image: string): boolean => {
  const wanted = wantedImage(turn.memory, spec)
  return wanted !== undefined && format(wanted) === image
}

const eventOf: Record<Exclude<TransferOutcome["_tag"], "Deployed" | "Unproven">, string> = {
  Rejected: "ArchiveRejected",
  Failed: "DeployFailed",
  Cancelled: "DeployCancelled"
}

/** Reasons that are remembered as said; a saga has six images at the most, and most often one reason for all. */
const rememberedRefusals = 16

/**
 * A set on trial waits for no image for ever: what does not run has failed to
 * start, and what is still to be switched is held up, with the set mixed.
 */
const countUnavailable = (turn: Turn, image: string, reason: string): void => {
  for (const spec of turn.memory.specs) {
    if (isUnstartable(turn, spec, image)) {
      turn.setRecord(spec.name, { lastReason: `${image} could not be brought to the NPU: ${reason}` })
      countRestart(turn, spec.name)
    }
    countHeldUp(turn, spec.name, image)
  }
}

/** Whether it shall run this image, and does not run it: nothing runs, or another version does. */
const isUnstartable = (turn: Turn, spec: ContainerSpec, image: string): boolean => {
  const { sighting } = turn.watched(spec.name)
  return isFor(turn, spec, image) && turn.record(spec.name).desired !== "stopped"
    && (sighting._tag === "Stopped" || sighting._tag === "Absent" || runsAssigned(turn.memory, spec) === false)
}

/**
 * Said once for each reason: the upgrade waits, with the present set running, until there is room or a sound archive.
 * An NPU that comes back is tried from the beginning, and what it refuses again is no news.
 */
const announceRefusal = (turn: Turn, image: string, kind: string, reason: string): void => {
  const saga = turn.memory.durable.upgrade
  const { refusals } = turn.memory.upgrade
  const isStaged = stagedImages(turn.memory).some((staged) => format(staged) === image)
  if (saga === null || !isStaged || refusals.includes(kind)) return
  const what = `${image} could not be brought to the NPU (${reason})`
  turn.setUpgrade({ refusals: [...refusals, kind].slice(-rememberedRefusals) })
  turn.say(
    "error",
    "UpgradeRefused",
    saga.phase === "staging"
      ? `${saga.id} to ${saga.version} is refused before anything is stopped: ${what}. The present set runs on; it is tried again at the slowest pace.`
      : `${saga.id} to ${saga.version} is held where it is: ${what}. What is not switched yet runs on; it is tried again, and the set is brought back if that keeps failing.`
  )
}
