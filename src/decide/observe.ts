/** What looks and probes change in memory: sightings, reachability, health. */
import type { ContainerSpec } from "../model/catalogue.ts"
import { format } from "../model/image.ts"
import type { Look, Sighting } from "../model/look.ts"
import { collapse } from "./collapse.ts"
import type { Input } from "./input.ts"
import { type ProbeRecord, unprobed, type Watched } from "./memory.ts"
import { chargeFailure, countsAsRestart, owe } from "./owe.ts"
import type { Turn } from "./turn.ts"

/** Folds a look into memory. */
export const looked = (turn: Turn, look: Look): void => {
  if (look.result._tag === "Failed") {
    if (look.result.reachable) listFailed(turn, look.result.reason)
    else unreachable(turn, look.result.reason)
    return
  }
  const { sightings } = look.result
  const returned = reachable(turn)
  if (returned) turn.setImages({ pace: {}, nextListing: Number.NEGATIVE_INFINITY })
  const rebooted = concludeReboot(turn, look)
  for (const spec of turn.memory.specs) {
    const sighting = sightings.get(spec.name) ?? { _tag: "Unknown", reason: "the look did not include it" }
    sighted(turn, spec, sighting, look)
    settle(turn, spec)
    // After an outage nobody waits for what was owed before it.
    if (returned) collapse(turn, spec)
    if (rebooted.has(spec.name)) {
      owe(turn, spec, "NpuReboot")
    }
  }
  turn.setNpu({ broke: false })
}

/** The NPU did not answer: it is a state of the NPU, never of a container. */
const unreachable = (turn: Turn, reason: string): void => {
  if (turn.memory.npu.reachable !== false) {
    turn.say(
      "warning",
      "NpuUnreachable",
      `The NPU cannot be reached: ${reason}. Containers are left as they are; it is asked again and again.`
    )
    turn.setNpu({ reachable: false, since: turn.now })
  }
  turn.setNpu({ reason, broke: true })
  for (const spec of turn.memory.specs) {
    // An attempt that broke off with the connection is nobody's failure.
    turn.setWatched(spec.name, { unsettled: undefined })
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

const blind = (turn: Turn, spec: ContainerSpec, reason: string): void => {
  const { sighting } = turn.watched(spec.name)
  if (sighting._tag !== "Unknown" || sighting.reason !== reason) see(turn, spec, { _tag: "Unknown", reason })
}

/** Returns whether the NPU has just come back. */
const reachable = (turn: Turn): boolean => {
  const before = turn.memory.npu.reachable
  if (before === true) return false
  turn.setNpu({ reachable: true, since: turn.now, reason: undefined })
  turn.say("notice", "NpuReachable", before === false ? "The NPU answers again." : "The NPU answers.")
  return before === false
}

/**
 * A reboot of the NPU is one event and nobody's crash: the transport broke and
 * then several containers (or all there are) had stopped; or, with the transport
 * whole, everything that ran had vanished without trace, and it is not long ago
 * that this was concluded last.
 */
const concludeReboot = (turn: Turn, look: Look): ReadonlySet<string> => {
  const { memory, now } = turn
  if (look.result._tag !== "Seen") return new Set()
  const { sightings } = look.result
  const ran = memory.specs.filter((spec) => {
    const watched = turn.watched(spec.name)
    return watched.lastClear === "Running" && watched.inFlight === undefined && look.begun >= watched.lastActionEnd
      && turn.record(spec.name).due === null && turn.record(spec.name).desired === "running"
  })
  const gone = ran.filter((spec) => {
    const sighting = sightings.get(spec.name)?._tag
    return sighting === "Stopped" || sighting === "Absent"
  })
  const several = gone.length > 0 && gone.length >= Math.min(2, ran.length)
  const vanished = gone.length >= 2 && gone.length === ran.length
    && gone.every((spec) => sightings.get(spec.name)?._tag === "Absent")
    && now.mono - memory.npu.lastReboot > memory.policy.restart.payback
  if (!(several && memory.npu.broke) && !vanished) return new Set()
  turn.setNpu({ lastReboot: now.mono })
  turn.say(
    "warning",
    "NpuRebooted",
    `The NPU seems to have restarted: ${gone.map((spec) => spec.name).join(", ")} ran before and ${
      gone.length === 1 ? "does" : "do"
    } not now. They are started again; none is charged for it.`
  )
  return new Set(gone.map((spec) => spec.name))
}

const sighted = (turn: Turn, spec: ContainerSpec, sighting: Sighting, look: Look): void => {
  const watched = turn.watched(spec.name)
  // What was begun before our last action ended shows a world that is no more.
  if (watched.inFlight !== undefined || look.begun < watched.lastActionEnd) return
  const before = watched.sighting
  if (!sameSighting(before, sighting)) see(turn, spec, sighting)
  turn.setWatched(spec.name, { lookBegun: look.begun, observedAt: turn.now })
  if (sighting._tag === "Running") settleProbe(turn, spec, look)
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
    ...(sameInstance ? {} : { probe: unprobed })
  })
  if (sighting._tag === "Running") seenRunning(turn, spec, sighting, watched)
}

/** Takes over what runs: our own start, a container found, or one that somebody put in its place. */
const seenRunning = (
  turn: Turn,
  spec: ContainerSpec,
  sighting: Extract<Sighting, { _tag: "Running" }>,
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
  } else if (record.startedId !== null && record.due === null && !sameId(sighting.id, record.startedId)) {
    turn.say(
      "warning",
      "Replaced",
      `${spec.name} is another instance than the one that the offloader started: somebody else has replaced it (now ${
        format(sighting.image)
      }). It is taken over as it is.`,
      spec.name
    )
  } else if (record.startedId === null || before.lastClear !== "Running") {
    turn.say("notice", "Running", `${spec.name} runs ${format(sighting.image)}.`, spec.name)
  }
  // A start whose answer was lost, by the daemon's death or the connection's.
  const recovered = record.due !== null && countsAsRestart.has(record.due.cause) &&
    !sameId(sighting.id, record.startedId)
  turn.setRecord(spec.name, {
    owned: true,
    restarts: record.restarts + (recovered ? 1 : 0),
    startedId: sighting.id === "" ? null : sighting.id,
    startedVersion: version,
    startedAt: record.startedAt ?? turn.now.mono
  })
}

/** Servers shorten ids; a server that tells none tells of no other instance either. */
const sameId = (id: string, known: string | null): boolean =>
  known === null || id === "" || id === known || (id.length >= 12 && (id.startsWith(known) || known.startsWith(id)))

const sameSighting = (left: Sighting, right: Sighting): boolean => {
  if (left._tag !== right._tag) return false
  if (left._tag === "Running" && right._tag === "Running") {
    return left.id === right.id && left.version === right.version && format(left.image) === format(right.image)
  }
  return left._tag !== "Unknown" || right._tag !== "Unknown" || left.reason === right.reason
}

/** The first look after an action of unknown outcome shows what it came to. */
const settle = (turn: Turn, spec: ContainerSpec): void => {
  const { sighting, unsettled } = turn.watched(spec.name)
  if (unsettled === undefined || sighting._tag === "Unknown") return
  turn.setWatched(spec.name, { unsettled: undefined })
  const took = unsettled.action === "Stop" ? sighting._tag !== "Running" : sighting._tag === "Running"
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

/** Folds a probe into memory. */
export const probed = (turn: Turn, input: Extract<Input, { _tag: "Probed" }>): void => {
  const spec = turn.memory.specs.find((candidate) => candidate.name === input.container)
  if (spec === undefined) return
  const watched = turn.watched(spec.name)
  if (watched.sighting._tag !== "Running" || watched.inFlight !== undefined || input.begun < watched.lastActionEnd) {
    return
  }
  const { probe } = watched
  if (input.result === "Healthy") {
    if (probe.healthy !== true && (probe.everHealthy || probe.failures > 0)) {
      turn.say("notice", "Healthy", `${spec.name} answers its probe again.`, spec.name)
    }
    turn.setWatched(spec.name, {
      probe: {
        healthy: true,
        everHealthy: true,
        failures: 0,
        badSince: undefined,
        unsettled: undefined,
        reason: undefined
      }
    })
  } else if (input.result === "Unhealthy") {
    turn.setWatched(spec.name, { probe: badProbe(probe, input.begun, input.reason ?? "it gave a wrong answer") })
    announceUnhealthy(turn, spec, probe)
  } else {
    turn.setWatched(spec.name, {
      probe: {
        ...probe,
        reason: input.reason,
        unsettled: { ended: input.ended, reason: input.reason ?? "it did not answer" },
        badSince: probe.badSince ?? input.begun
      }
    })
  }
}

/** A probe without answer counts against the service once the NPU itself is seen to answer. */
const settleProbe = (turn: Turn, spec: ContainerSpec, look: Look): void => {
  const { probe } = turn.watched(spec.name)
  if (probe.unsettled === undefined || look.begun < probe.unsettled.ended) return
  turn.setWatched(spec.name, { probe: badProbe(probe, probe.badSince ?? look.begun, probe.unsettled.reason) })
  announceUnhealthy(turn, spec, probe)
}

const badProbe = (probe: ProbeRecord, begun: number, reason: string): ProbeRecord => ({
  ...probe,
  healthy: false,
  failures: probe.failures + 1,
  badSince: probe.badSince ?? begun,
  unsettled: undefined,
  reason
})

const announceUnhealthy = (turn: Turn, spec: ContainerSpec, before: ProbeRecord): void => {
  const { failures, reason } = turn.watched(spec.name).probe
  const threshold = turn.memory.policy.health.failures
  if (before.everHealthy && failures === threshold) {
    turn.say(
      "warning",
      "Unhealthy",
      `${spec.name} runs, but failed ${threshold} probes in a row: ${reason ?? "no answer"}.`,
      spec.name
    )
  }
}
