/** What the control API shows, made from memory by the same verdicts that the step acts on. */
import {
  apiVersion,
  type ContainerList,
  type ContainerStatus,
  type ContainerView,
  type NpuView,
  type VersionView
} from "../control/views.ts"
import { containerConditions, daemonConditions } from "../decide/conditions.ts"
import { dpuVersion, type Memory, type Moment, recordOf, targetVersion, watchedOf } from "../decide/memory.ts"
import { healthOf, isFresh, wantedImage } from "../decide/question.ts"
import { verdict } from "../decide/verdict.ts"
import type { CrashLog } from "../health/crash-logs.ts"
import type { ContainerSpec } from "../model/catalogue.ts"
import type { Condition } from "../model/condition.ts"
import { format } from "../model/image.ts"

const iso = (wall: number): string => new Date(wall).toISOString()
const isoOf = (moment: Moment | undefined): string | null => moment === undefined ? null : iso(moment.wall)

/** The wall clock's time of a monotonic moment, as things stand now. */
const wallOf = (mono: number, now: Moment): string => iso(now.wall + (mono - now.mono))

/** A container by instance or by service name. */
export const find = (memory: Memory, name: string): ContainerSpec | undefined =>
  memory.specs.find((spec) => spec.name === name) ?? memory.specs.find((spec) => spec.service === name)

export const npuView = (memory: Memory, endpoint: string): NpuView => ({
  endpoint,
  reachable: memory.npu.reachable ?? null,
  since: isoOf(memory.npu.since),
  reason: memory.npu.reachable === false ? memory.npu.reason ?? null : null
})

export const containerView = (memory: Memory, spec: ContainerSpec, now: Moment): ContainerView => {
  const record = recordOf(memory, spec.name)
  const watched = watchedOf(memory, spec.name)
  const { sighting } = watched
  const what = verdict(memory, spec, now.mono)
  return {
    name: spec.name,
    service: spec.service,
    desired: record.desired,
    state: sighting._tag,
    healthy: spec.probe === undefined ? null : healthOf(memory, spec),
    image: sighting._tag === "Running" || sighting._tag === "Stopped" ? format(sighting.image) : null,
    version: sighting._tag === "Running"
      ? sighting.version ?? null
      : sighting._tag === "Stopped"
      ? sighting.image.tag
      : null,
    targetVersion: targetVersion(memory) ?? null,
    restarts: record.restarts,
    lastReason: record.lastReason,
    nextRetryAt: what._tag === "Wait" && what.until !== undefined ? wallOf(what.until, now) : null,
    observedAt: isoOf(watched.observedAt),
    lastState: watched.lastClear ?? null
  }
}

/** Why the DPU's version cannot be read. */
export const versionUnreadable = ({ target }: Memory): string | null =>
  target._tag === "Unreadable" ? target.reason : null

export const listView = (
  memory: Memory,
  endpoint: string,
  dpu: string,
  now: Moment,
  unstorable?: { readonly reason: string; readonly since: number }
): ContainerList => ({
  apiVersion,
  dpu,
  targetVersion: targetVersion(memory) ?? null,
  versionUnreadable: versionUnreadable(memory),
  npu: npuView(memory, endpoint),
  conditions: [
    ...daemonConditions(memory, now),
    ...(unstorable === undefined ? [] : [{
      type: "EventsStored" as const,
      status: "False" as const,
      reason: "EventsNotStored",
      message: `events cannot be stored: ${unstorable.reason}`,
      lastTransition: iso(unstorable.since)
    }])
  ],
  containers: memory.specs.map((spec) => containerView(memory, spec, now))
})

/** Lines of output that `status` shows. */
const shownLines = 10

export const statusView = (
  memory: Memory,
  endpoint: string,
  spec: ContainerSpec,
  now: Moment,
  previous?: CrashLog
): ContainerStatus => {
  const record = recordOf(memory, spec.name)
  const watched = watchedOf(memory, spec.name)
  const what = verdict(memory, spec, now.mono)
  const wanted = wantedImage(memory, spec)
  const conditions: ReadonlyArray<Condition> = containerConditions(memory, spec, now)
  return {
    apiVersion,
    npu: npuView(memory, endpoint),
    container: containerView(memory, spec, now),
    stateSince: isoOf(watched.since),
    wantedImage: wanted === undefined ? null : format(wanted),
    attempt: record.due === null ? 0 : record.level,
    activity: what.message,
    advice: [
      ...(what._tag === "Wait" && what.advice !== undefined ? [what.advice] : []),
      ...(memory.unsaved === undefined
        ? []
        : ["free room in, or give access to, the state folder: new intents are refused until then"])
    ],
    conditions,
    ...(previous === undefined
      ? {}
      : { previous: { endedAt: previous.endedAt, lastLines: lastLines(previous.text) } }),
    intent: { desired: record.desired, recordedAt: record.intentAt, fulfilled: isFulfilled(memory, spec) }
  }
}

const lastLines = (text: string): ReadonlyArray<string> =>
  text.split("\n").filter((line) => line.trim() !== "").slice(-shownLines)

/** Whether a look begun after the intent was taken, and after our last action, shows it fulfilled. */
const isFulfilled = (memory: Memory, spec: ContainerSpec): boolean => {
  const record = recordOf(memory, spec.name)
  const watched = watchedOf(memory, spec.name)
  if (watched.inFlight !== undefined || !isFresh(watched) || (watched.lookBegun ?? 0) <= watched.intentMono) {
    return false
  }
  if (record.desired === "stopped") return watched.sighting._tag === "Stopped" || watched.sighting._tag === "Absent"
  return watched.sighting._tag === "Running" && record.due === null
}

export const versionView = (
  memory: Memory,
  about: Omit<VersionView, "apiVersion" | "npu" | "sonicVersion" | "sonicVersionReason">,
  endpoint: string
): VersionView => ({
  apiVersion,
  ...about,
  sonicVersion: dpuVersion(memory) ?? null,
  sonicVersionReason: memory.target._tag === "Unread" ? "it has not been read yet" : versionUnreadable(memory),
  npu: npuView(memory, endpoint)
})
