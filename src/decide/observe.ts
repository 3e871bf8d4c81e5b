/** What looks change in memory: sightings and reachability. */
import type { ContainerSpec } from "../model/catalogue.ts"
import { format, type ImageRef, isNameless } from "../model/image.ts"
import type { Look, Sighting } from "../model/look.ts"
import type { TransportFault } from "../model/transport-fault.ts"
import { collapse } from "./collapse.ts"
import { contested, isForeignVersion, noteForeignStart, noteForeignVersion, noteStop } from "./contest.ts"
import { assignedImage, targetVersion, unprobed, type Watched } from "./memory.ts"
import { chargeFailure, countsAsRestart, owe } from "./owe.ts"
import { excuseProbe, settleProbe } from "./probe.ts"
import { isFresh, isQuarantined, runsAssigned, sameId } from "./question.ts"
import { concludeReboot } from "./reboot.ts"
import type { Turn } from "./turn.ts"
import { versionById } from "./upgrade/members.ts"

type Running = Extract<Sighting, { _tag: "Running" }>

/** Folds a look into memory. */
export const looked = (turn: Turn, look: Look): void => {
  turn.setNpu({ lookedAt: turn.now, lookTook: look.ended - look.begun })
  if (look.result._tag === "Unlisted") return unlisted(turn, look.result.reason)
  if (look.result._tag === "Failed") {
    if (look.result.reachable) listFailed(turn, look.result.reason)
    else unreachable(turn, look.result.reason, look.result.fault)
    return
  }
  const { sightings, users = [] } = look.result
  turn.setUpgrade({ users })
  const returned = reachable(turn)
  if (returned) {
    turn.setImages({ pace: {}, nextListing: Number.NEGATIVE_INFINITY })
    // It may have come back with another store.
    turn.setUpgrade({ imagesFresh: false })
  }
  const rebooted = concludeReboot(turn, look.begun, sightings)
  for (const spec of turn.memory.specs) {
    const sighting = sightings.get(spec.name) ?? { _tag: "Unknown", reason: "the look did not include it" }
    sighted(turn, spec, sighting, look, rebooted.has(spec.name))
    settle(turn, spec)
    // After an outage nobody waits for what was owed before it.
    if (returned) collapse(turn, spec)
    if (rebooted.has(spec.name) && sighting._tag !== "Running") owe(turn, spec, "NpuReboot")
  }
  turn.setNpu({ broke: false })
}

/** The NPU did not answer: it is a state of the NPU, never of a container. */
const unreachable = (turn: Turn, reason: string, fault: TransportFault | undefined): void => {
  const { fault: before, reachable } = turn.memory.npu
  if (reachable !== false) {
    turn.say(
      "warning",
      "NpuUnreachable",
      `The NPU cannot be reached: ${reason}. Containers are left as they are; it is asked again and again.`
    )
    turn.setNpu({ reachable: false, since: turn.now })
  } else if (before !== fault) {
    turn.say("warning", "NpuUnreachable", `The NPU still cannot be reached, now for another reason: ${reason}.`)
  }
  turn.setNpu({ reason, fault, broke: true })
  for (const spec of turn.memory.specs) {
    // An attempt that broke off with the connection is nobody's failure.
    turn.setWatched(spec.name, { unsettled: undefined })
    excuseProbe(turn, spec)
    blind(turn, spec, "the NPU cannot be reached")
  }
}

const listFailed = (turn: Turn, reason: string): void => {
  reachable(turn)
  const known = turn.memory.specs.some((spec) => turn.watched(spec.name).sighting._tag !== "Unknown")
  if (known) {
    turn.say(
      "warning",
      "LookFailed",
      `The NPU answers, but does not list its containers: ${reason}. Nothing is done until it does.`
    )
  }
  for (const spec of turn.memory.specs) blind(turn, spec, reason)
}

/** Nothing of a container is known but what its probe shows. */
const unlisted = (turn: Turn, reason: string): void => {
  reachable(turn)
  turn.setNpu({ broke: false })
  for (const spec of turn.memory.specs) blind(turn, spec, reason)
}

const blind = (turn: Turn, spec: ContainerSpec, reason: string): void => {
  const { sighting } = turn.watched(spec.name)
  if (sighting._tag !== "Unknown" || sighting.reason !== reason) see(turn, spec, { _tag: "Unknown", reason })
}

/** Returns whether the NPU has just come back. */
const reachable = (turn: Turn): boolean => {
  const before = turn.memory.npu.reachable
  if (before === true) return false
  turn.setNpu({ reachable: true, since: turn.now, reason: undefined, fault: undefined })
  turn.say("notice", "NpuReachable", before === false ? "The NPU answers again." : "The NPU answers.")
  return before === false
}

const sighted = (turn: Turn, spec: ContainerSpec, shown: Sighting, look: Look, rebooted: boolean): void => {
  const watched = turn.watched(spec.name)
  const sighting = recognised(turn, spec, shown)
  // What was begun before our last action ended shows a world that is no more.
  if (watched.inFlight !== undefined || look.begun < watched.lastActionEnd) return
  const before = watched.sighting
  if (!sameSighting(before, sighting)) {
    if (!rebooted) noteOthers(turn, spec, sighting, watched)
    see(turn, spec, sighting)
  }
  turn.setWatched(spec.name, { lookBegun: look.begun, observedAt: turn.now })
  if (sighting._tag === "Running") settleProbe(turn, spec, look)
}

/**
 * An instance that we started keeps the version that we started, also when its image has lost its name; another
 * one, of which a daemon that died never heard, is known by its image's id.
 */
const recognised = (turn: Turn, spec: ContainerSpec, sighting: Sighting): Sighting => {
  if (sighting._tag !== "Running" || sighting.version !== undefined) return sighting
  const { startedId, startedVersion } = turn.record(spec.name)
  const isOurs = sighting.id !== "" && startedId !== null && sameId(sighting.id, startedId)
  const started = isOurs ? startedVersion : null
  return { ...sighting, version: started ?? versionById(turn.memory, spec.name, sighting.image) }
}

/** What of a new sighting was somebody else's doing. */
const noteOthers = (turn: Turn, spec: ContainerSpec, sighting: Sighting, before: Watched): void => {
  const { desired, due, owned, startedId } = turn.record(spec.name)
  if (!owned) return
  if (sighting._tag !== "Running") {
    if (sighting._tag !== "Unknown" && before.lastClear === "Running" && due === null && desired === "running") {
      noteStop(turn, spec, before)
    }
  } else if (isForeignVersion(turn, spec, sighting)) noteForeignVersion(turn, spec, sighting)
  else if (due === null && !sameId(sighting.id, startedId) && desired === "running") {
    contested(
      turn,
      spec,
      "Replaced",
      `somebody else has put another instance in the place of ours; it runs ${
        format(sighting.image)
      } and is taken over as it is`
    )
  }
  if (sighting._tag === "Running" && desired === "stopped" && before.lastClear !== "Running") {
    noteForeignStart(turn, spec, before)
  }
}

const see = (turn: Turn, spec: ContainerSpec, sighting: Sighting): void => {
  const watched = turn.watched(spec.name)
  const before = watched.sighting
  const sameInstance = sighting._tag === "Unknown"
    || (sighting._tag === "Running" && watched.lastClear === "Running"
      && sameId(sighting.id, turn.record(spec.name).startedId))
  turn.setWatched(spec.name, {
    sighting,
    ...(before._tag === sighting._tag ? {} : { since: turn.now }),
    ...(sighting._tag === "Unknown" ? {} : { lastClear: sighting._tag }),
    // However it came to that: the next one is asked to stop before it is forced to.
    ...(sighting._tag === "Stopped" || sighting._tag === "Absent" ? { stopTries: 0 } : {}),
    ...(sameInstance ? {} : { probe: unprobed })
  })
  if (sighting._tag === "Running") seenRunning(turn, spec, sighting, watched)
}

/** Takes over what runs: our own start, a container found, or one that somebody put in its place. */
const seenRunning = (
  turn: Turn,
  spec: ContainerSpec,
  sighting: Running,
  before: Watched
): void => {
  const record = turn.record(spec.name)
  const version = sighting.version ?? null
  if (!record.owned) {
    turn.say(
      "notice",
      "Adopted",
      `${spec.name} already runs ${format(sighting.image)}; it is taken over as it is.`,
      spec.name
    )
  } else if (record.startedId === null || before.lastClear !== "Running") {
    turn.say("notice", "Running", `${spec.name} runs ${format(sighting.image)}.`, spec.name)
  }
  // A start whose answer was lost, by the daemon's death or the connection's.
  const recovered = record.due !== null && countsAsRestart.has(record.due.cause) &&
    !sameId(sighting.id, record.startedId)
  const adopted = adoptedVersion(turn, spec, sighting)
  turn.setRecord(spec.name, {
    owned: true,
    restarts: record.restarts + (recovered ? 1 : 0),
    startedId: sighting.id === "" ? null : sighting.id,
    startedVersion: version,
    ...(adopted === undefined ? {} : { assigned: format(imageOf(spec, sighting, adopted)) }),
    // Another instance has its own grace, and its own time to pay back.
    ...(sameId(sighting.id, record.startedId) && record.startedAt !== null
      ? {}
      : { startedAt: turn.now.mono, paidFor: 0 })
  })
}

/**
 * What is found running is what it shall run from now on: where nothing was ever
 * assigned, or where somebody has brought it to the wanted version already.
 */
const adoptedVersion = (
  turn: Turn,
  spec: ContainerSpec,
  { version }: Running
): string | undefined => {
  if (version === undefined || turn.memory.durable.upgrade?.members.some(({ container }) => container === spec.name)) {
    return undefined
  }
  const isFirst = assignedImage(turn.memory, spec.name) === undefined
  return isFirst || (version === targetVersion(turn.memory) && !isQuarantined(turn.memory, version))
    ? version
    : undefined
}

/** Under the tag of its version: `latest` may be another image tomorrow. */
const imageOf = (spec: ContainerSpec, { image }: Running, version: string): ImageRef => ({
  repository: isNameless(image) ? spec.repository : image.repository,
  tag: version
})

const sameSighting = (left: Sighting, right: Sighting): boolean => {
  if (left._tag !== right._tag) return false
  if (left._tag === "Running" && right._tag === "Running") {
    return left.id === right.id && left.version === right.version && format(left.image) === format(right.image)
  }
  return left._tag !== "Unknown" || right._tag !== "Unknown" || left.reason === right.reason
}

/** The first look after an action of unknown outcome shows what it came to. */
const settle = (turn: Turn, spec: ContainerSpec): void => {
  const watched = turn.watched(spec.name)
  const { sighting, unsettled } = watched
  if (unsettled === undefined || sighting._tag === "Unknown" || !isFresh(watched)) return
  turn.setWatched(spec.name, { unsettled: undefined })
  // What runs and is another version than it was started at, is somebody else's: the name was taken.
  const runs = sighting._tag === "Running" && runsAssigned(turn.memory, spec) !== false
  const took = unsettled.action === "Stop" ? sighting._tag !== "Running" : runs
  if (took || (unsettled.action === "Remove" && sighting._tag === "Absent")) {
    turn.say(
      "info",
      "ReadBack",
      `${unsettled.action} of ${spec.name} took effect after all: it is ${sighting._tag.toLowerCase()}.`,
      spec.name
    )
    return
  }
  if (unsettled.action !== "Stop") chargeFailure(turn, spec, unsettled.reason)
}
