/**
 * The restart ladder at work: when a container owes a start, from when on, and
 * what it is charged. Everything written here is durable before it is acted on.
 */
import type { ContainerSpec } from "../model/catalogue.ts"
import { format } from "../model/image.ts"
import { delay, paidTime, payBack } from "../policy/ladder.ts"
import type { Cause } from "./durable.ts"
import { isFresh, restartCause, wantedImage } from "./question.ts"
import type { Turn } from "./turn.ts"
import { countRestart } from "./upgrade/count.ts"
import { crashLoopLevel } from "./verdict.ts"

const climbs: ReadonlySet<Cause> = new Set(["Crash", "Unhealthy", "WrongVersion"])

/** What is not an operator's word: only that makes a start due without owing it. */
type Happened = Exclude<Cause, "Command">

/** Causes whose start counts as a restart. */
export const countsAsRestart: ReadonlySet<Cause> = new Set(["Crash", "Unhealthy"])

/** Brings what is owed in line with what was seen. */
export const reckon = (turn: Turn, spec: ContainerSpec): void => {
  const watched = turn.watched(spec.name)
  const record = turn.record(spec.name)
  if (watched.inFlight !== undefined || turn.memory.npu.reachable !== true || !isFresh(watched)) return
  if (watched.sighting._tag === "Unknown") return
  if (record.desired === "stopped") {
    if (watched.sighting._tag !== "Running" && record.startedAt !== null) turn.setRecord(spec.name, { startedAt: null })
    if (record.due !== null) turn.setRecord(spec.name, { due: null })
    return
  }
  if (watched.sighting._tag === "Running") {
    const cause = restartCause(turn.memory, spec)
    if (cause === undefined) turn.setRecord(spec.name, { due: null })
    else if (record.due === null) owe(turn, spec, cause)
    // Owed already, for a reason that it outran: somebody has started it meanwhile.
    // A reboot excuses what it took away, and not what somebody else has put there since. The DPU's turn stays.
    else if (record.due.cause === "NpuReboot") owe(turn, spec, cause, record.due.at)
    else if (record.due.cause !== cause) turn.setRecord(spec.name, { due: { ...record.due, cause } })
  } else if (record.due === null) {
    owe(turn, spec, record.owned ? "Crash" : "Initial")
  }
}

/** Owes a start for a reason, not before `earliest`, and charges the ladder where the reason is the container's. */
export const owe = (turn: Turn, spec: ContainerSpec, cause: Happened, earliest = 0): void => {
  const record = turn.record(spec.name)
  const { mono } = turn.now
  const ladder = turn.memory.policy.restart
  const ranFor = record.startedAt === null ? 0 : mono - record.startedAt - record.paidFor
  const level = payBack(ladder, record.level, ranFor)
  const running = turn.watched(spec.name).sighting._tag === "Running"
  // What an upgrade switches owes its start from the assignment on: another version found here is somebody else's doing.
  const climbing = climbs.has(cause)
  if (countsAsRestart.has(cause)) countRestart(turn, spec.name)
  const pace = climbing
    ? delay(ladder, level, turn.random())
    : cause === "NpuReboot"
    ? turn.memory.dpu * turn.memory.policy.outage.staggerPerDpu
    : 0
  const wait = Math.max(pace, earliest - mono)
  const reason = describe(turn, spec, cause)
  turn.setRecord(spec.name, {
    level: climbing ? level + 1 : level,
    due: { at: mono + wait, cause },
    lastReason: cause === "Initial" ? record.lastReason : reason,
    // Where it mends before its restart, it runs on and is charged again some day.
    ...(running
      ? { paidFor: record.paidFor + paidTime(ladder, ranFor) }
      : { startedAt: null, paidFor: 0 })
  })
  if (cause === "NpuReboot") return
  const next = wait === 0 ? "" : ` Next start in ${seconds(wait)}.`
  turn.say(cause === "Initial" ? "notice" : "warning", eventReason[cause], `${spec.name}: ${reason}.${next}`, spec.name)
  if (climbing) announceLoop(turn, spec, level, wait)
}

/** Said once for each time that the ladder is climbed this far; `status` says it for as long as it lasts. */
const announceLoop = (turn: Turn, spec: ContainerSpec, level: number, wait: number): void => {
  if (level !== crashLoopLevel) return
  const at = new Date(turn.now.wall + wait).toISOString()
  turn.say(
    "warning",
    "CrashLooping",
    `${spec.name} fails again and again. It is tried for ever, ever more slowly; the next time in ${
      seconds(wait)
    }, at ${at}. "offloadctl retry ${spec.service}" tries at once.`,
    spec.name
  )
}

const eventReason: Record<Happened, string> = {
  Crash: "Stopped",
  Unhealthy: "RestartingUnhealthy",
  WrongVersion: "VersionMismatch",
  Initial: "NotThere",
  NpuReboot: "NpuRebooted"
}

const describe = (turn: Turn, spec: ContainerSpec, cause: Happened): string => {
  const { probe, sighting } = turn.watched(spec.name)
  switch (cause) {
    case "Crash":
      return sighting._tag === "Absent" ? "it vanished from the NPU" : "it stopped by itself"
    case "Unhealthy":
      return `it runs but does not answer its probe (${probe.reason ?? "no answer"}), so it is restarted`
    case "WrongVersion": {
      // Read as the last reason too, long after the switch.
      const wanted = wantedImage(turn.memory, spec)
      const has = sighting._tag === "Running" ? format(sighting.image) : "another version"
      return `a switch from ${has} to ${wanted === undefined ? "the DPU's version" : format(wanted)}`
    }
    case "Initial":
      return "it is not on the NPU yet"
    case "NpuReboot":
      return "the NPU seems to have restarted"
  }
}

/** A start or removal that failed: the next try comes a level later. */
export const chargeFailure = (turn: Turn, spec: ContainerSpec, reason: string): void => {
  // What runs in its place is somebody else's, and speaks against no set.
  const isOutrun = turn.watched(spec.name).sighting._tag === "Running"
  if (!isOutrun) countRestart(turn, spec.name)
  const record = turn.record(spec.name)
  const ladder = turn.memory.policy.restart
  // Never at once: what has just been refused is not asked again in the same breath.
  const level = Math.max(1, record.level)
  const wait = delay(ladder, level, turn.random())
  turn.setRecord(spec.name, {
    level: level + 1,
    due: { at: turn.now.mono + wait, cause: isOutrun ? "WrongVersion" : record.due?.cause ?? "Crash" },
    lastReason: reason
  })
  turn.say(
    "warning",
    "StartFailed",
    `${spec.name} could not be started: ${reason}. Next try in ${seconds(wait)}.`,
    spec.name
  )
  announceLoop(turn, spec, level, wait)
}

/** Milliseconds for people. */
const seconds = (millis: number): string =>
  millis < 1000 ? `${Math.round(millis)} ms` : `${(millis / 1000).toFixed(1)} s`
