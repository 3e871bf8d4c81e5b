/**
 * Conditions: what holds of each service and of the daemon, why, and since when.
 * Their moments of transition are kept by the step, so that they replay; reason
 * and message are made when somebody asks.
 */
import type { ContainerSpec } from "../model/catalogue.ts"
import type { Condition, ConditionStatus, ConditionType } from "../model/condition.ts"
import { format } from "../model/image.ts"
import { deedsOf } from "../model/speech.ts"
import { lackingVital } from "./capable.ts"
import {
  type Memory,
  type Moment,
  recordOf,
  type ServiceCondition,
  type Standing,
  targetVersion,
  watchedOf
} from "./memory.ts"
import { healthOf, versionMatches } from "./question.ts"
import type { Turn } from "./turn.ts"
import { degradedText, explain } from "./upgrade/explain.ts"
import { isCrashLooping, type Verdict, verdict } from "./verdict.ts"

type Statuses = Readonly<Record<ServiceCondition, ConditionStatus>>

/** Keeps when each condition of a container last changed; `what` is the verdict on it. */
export const noteConditions = (turn: Turn, spec: ContainerSpec, what: Verdict): void => {
  const before = turn.memory.standings[spec.name]
  const statuses = statusesOf(turn.memory, spec, what)
  if (before !== undefined && types.every((type) => before[type]?.status === statuses[type])) return
  const { mono, wall } = turn.now
  const stand = (type: ServiceCondition) =>
    before?.[type]?.status === statuses[type] ? before[type] : { status: statuses[type], since: { mono, wall } }
  turn.memory = {
    ...turn.memory,
    standings: {
      ...turn.memory.standings,
      [spec.name]: {
        Running: stand("Running"),
        Healthy: stand("Healthy"),
        VersionMatched: stand("VersionMatched"),
        Progressing: stand("Progressing"),
        Contested: stand("Contested"),
        Capable: stand("Capable")
      }
    }
  }
}

const types: ReadonlyArray<ServiceCondition> = [
  "Running",
  "Healthy",
  "VersionMatched",
  "Progressing",
  "Contested",
  "Capable"
]

const statusesOf = (memory: Memory, spec: ContainerSpec, what: Verdict): Statuses => {
  const { contest, lastClear, sighting } = watchedOf(memory, spec.name)
  const matches = versionMatches(memory, spec)
  return {
    Running: sighting._tag === "Unknown" ? "Unknown" : sighting._tag === "Running" ? "True" : "False",
    Healthy: healthOf(memory, spec),
    VersionMatched: matches === undefined ? "Unknown" : matches ? "True" : "False",
    Progressing: what._tag === "Rest"
      ? "False"
      : what._tag === "Wait" && blindReasons.has(what.reason)
      ? "Unknown"
      : "True",
    Contested: contest !== undefined ? "True" : lastClear === undefined ? "Unknown" : "False",
    Capable: capableStatus(memory)
  }
}

/** While these hold nobody knows whether there is anything to do. */
const blindReasons: ReadonlySet<string> = new Set(["FirstLook", "NpuUnreachable", "StateUnknown", "NotCapable"])

/** All conditions of a service, as they are now. */
export const containerConditions = (memory: Memory, spec: ContainerSpec, now: Moment): ReadonlyArray<Condition> => {
  const what = verdict(memory, spec, now.mono)
  const statuses = statusesOf(memory, spec, what)
  const standings = memory.standings[spec.name]
  const words: Readonly<Record<ServiceCondition, readonly [string, string]>> = {
    Running: runningWords(memory, spec, now),
    Healthy: healthWords(memory, spec, statuses.Healthy),
    VersionMatched: versionWords(memory, spec, statuses.VersionMatched),
    Progressing: [what.reason, what.message],
    Contested: contestWords(memory, spec),
    Capable: capableWords(memory)
  }
  return types.map((type) => condition(type, statuses[type], ...words[type], standings?.[type]?.since ?? now))
}

const condition = (
  type: ConditionType,
  status: ConditionStatus,
  reason: string,
  message: string,
  since: Moment
): Condition => ({ type, status, reason, message, lastTransition: new Date(since.wall).toISOString() })

const runningWords = (memory: Memory, spec: ContainerSpec, now: Moment): readonly [string, string] => {
  const { sighting } = watchedOf(memory, spec.name)
  const { due, lastReason } = recordOf(memory, spec.name)
  if (sighting._tag === "Unknown") return ["Unknown", sighting.reason]
  if (!isCrashLooping(memory, spec) || due === null) return [sighting._tag, `last seen ${sighting._tag.toLowerCase()}`]
  const next = due.at <= now.mono ? "now" : `at ${new Date(now.wall + due.at - now.mono).toISOString()}`
  return ["CrashLooping", `it fails again and again (${lastReason ?? "it stopped"}); the next try is ${next}`]
}

const healthWords = (memory: Memory, spec: ContainerSpec, status: ConditionStatus): readonly [string, string] => {
  const { probe, sighting } = watchedOf(memory, spec.name)
  if (sighting._tag === "Unknown") return ["StateUnknown", sighting.reason]
  if (sighting._tag !== "Running") return ["NotRunning", "it does not run"]
  if (spec.probe === undefined) return ["NoProbe", "it has no probe: that it runs is enough"]
  const message = probe.reason ?? (status === "True" ? "it answers its probe" : "it has not answered its probe yet")
  return [status === "True" ? "ProbeAnswered" : status === "False" ? "ProbeFailed" : "ProbePending", message]
}

const versionWords = (memory: Memory, spec: ContainerSpec, status: ConditionStatus): readonly [string, string] => {
  const { sighting } = watchedOf(memory, spec.name)
  const target = targetVersion(memory)
  const has = sighting._tag === "Running" ? format(sighting.image) : "nothing"
  switch (status) {
    case "Unknown":
      return ["NotKnown", `what it runs (${has}) or what it should run cannot be told`]
    case "True":
      return ["Matched", `it runs ${has}`]
    case "False":
      return ["Mismatch", `it runs ${has}, and version ${target} is wanted of it`]
  }
}

const contestWords = (memory: Memory, spec: ContainerSpec): readonly [string, string] => {
  const { contest, lastClear } = watchedOf(memory, spec.name)
  if (contest !== undefined) return [contest.reason, contest.message]
  return lastClear === undefined
    ? ["NotSeenYet", "it has not been seen clearly yet"]
    : ["Undisputed", "nobody else has touched it lately"]
}

const capableStatus = (memory: Memory): ConditionStatus =>
  memory.npu.speech === undefined ? "Unknown" : lackingVital(memory).length === 0 ? "True" : "False"

const capableWords = (memory: Memory): readonly [string, string] => {
  const { speech } = memory.npu
  if (speech === undefined) return ["NotKnown", "what the NPU's server offers is not known yet"]
  const missing = lackingVital(memory)
  return missing.length === 0
    ? ["AllOffered", `the NPU's server (${speech.dialect} dialect) is not known to lack anything that is needed`]
    : [
      "MissingCapability",
      `the NPU's server (${speech.dialect} dialect) cannot ${deedsOf(missing)}${
        missing.includes("list") ? "; only probes show how its services are" : ""
      }`
    ]
}

/** Keeps when the set's own conditions last changed. */
export const noteUpgrade = (turn: Turn): void => {
  const before = turn.memory.upgrade.standings
  const { degraded, upgrade } = turn.memory.durable
  const stand = (type: "Upgrading" | "Degraded", holds: boolean): Standing => {
    const status = holds ? "True" : "False"
    return before?.[type].status === status
      ? before[type]
      : { status, since: { mono: turn.now.mono, wall: turn.now.wall } }
  }
  const Upgrading = stand("Upgrading", upgrade !== null)
  const Degraded = stand("Degraded", degraded !== null)
  if (before?.Upgrading !== Upgrading || before.Degraded !== Degraded) {
    turn.setUpgrade({ standings: { Upgrading, Degraded } })
  }
}

const upgradeConditions = (memory: Memory, now: Moment): ReadonlyArray<Condition> => {
  const { durable, upgrade } = memory
  const { message, next, reason } = explain(memory, now.mono)
  return [
    condition(
      "Upgrading",
      durable.upgrade === null ? "False" : "True",
      reason,
      next === undefined ? message : `${message}; next: ${next}`,
      upgrade.standings?.Upgrading.since ?? now
    ),
    condition(
      "Degraded",
      durable.degraded === null ? "False" : "True",
      durable.degraded === null ? "Sound" : "NotMended",
      degradedText(memory) ?? "no set of services is left that could not be mended",
      upgrade.standings?.Degraded.since ?? now
    )
  ]
}

/** The conditions that are not of one service. */
export const daemonConditions = (memory: Memory, now: Moment): ReadonlyArray<Condition> => {
  const { npu, unsaved } = memory
  return [
    condition(
      "Reachable",
      npu.reachable === undefined ? "Unknown" : npu.reachable ? "True" : "False",
      npu.reachable === undefined ? "NotAskedYet" : npu.reachable ? "Answers" : npu.fault ?? "NoAnswer",
      npu.reachable === undefined
        ? "the first look has not ended yet"
        : npu.reachable
        ? "the NPU answers"
        : npu.reason ?? "no answer",
      npu.since ?? now
    ),
    condition("Capable", capableStatus(memory), ...capableWords(memory), npu.speechSince ?? now),
    ...upgradeConditions(memory, now),
    ...(unsaved === undefined ? [] : [
      condition("StateDurable", "False", "StateNotDurable", `memory cannot be saved: ${unsaved.reason}`, unsaved.since)
    ])
  ]
}
