/** Conditions of a service and of the daemon, as memory has them now. */
import { type Memory, type Moment, watchedOf } from "../decide/memory.ts"
import { healthOf, versionMatches, wantedImage } from "../decide/question.ts"
import { isCrashLooping, verdict } from "../decide/verdict.ts"
import type { ContainerSpec } from "../model/catalogue.ts"
import type { Condition, ConditionStatus, ConditionType } from "../model/condition.ts"
import { format } from "../model/image.ts"

const condition = (
  type: ConditionType,
  status: ConditionStatus,
  reason: string,
  message: string,
  since: Moment
): Condition => ({ type, status, reason, message, lastTransition: new Date(since.wall).toISOString() })

export const containerConditions = (memory: Memory, spec: ContainerSpec, now: Moment): ReadonlyArray<Condition> => {
  const { since = now, sighting } = watchedOf(memory, spec.name)
  const what = verdict(memory, spec, now.mono)
  const resting = what._tag === "Rest"
  const made = [
    condition(
      "Running",
      sighting._tag === "Unknown" ? "Unknown" : sighting._tag === "Running" ? "True" : "False",
      isCrashLooping(memory, spec) ? "CrashLooping" : sighting._tag,
      sighting._tag === "Unknown" ? sighting.reason : `last seen ${sighting._tag.toLowerCase()}`,
      since
    ),
    versionCondition(memory, spec, since),
    condition(
      "Progressing",
      resting ? "False" : "True",
      resting || what._tag === "Wait" ? what.reason : what._tag,
      what.message,
      since
    )
  ]
  return spec.probe === undefined ? made : [...made, healthCondition(memory, spec, since)]
}

const healthCondition = (memory: Memory, spec: ContainerSpec, since: Moment): Condition => {
  const { probe, sighting } = watchedOf(memory, spec.name)
  const status = healthOf(memory, spec)
  if (sighting._tag !== "Running") return condition("Healthy", status, "NotRunning", "it does not run", since)
  const message = probe.reason ?? (status === "True" ? "it answers its probe" : "it has not answered its probe yet")
  return condition(
    "Healthy",
    status,
    status === "True" ? "ProbeAnswered" : status === "False" ? "ProbeFailed" : "ProbePending",
    message,
    since
  )
}

const versionCondition = (memory: Memory, spec: ContainerSpec, since: Moment): Condition => {
  const matches = versionMatches(memory, spec)
  const { sighting } = watchedOf(memory, spec.name)
  const wanted = wantedImage(memory, spec)
  const has = sighting._tag === "Running" ? format(sighting.image) : "nothing"
  if (matches === undefined) {
    return condition(
      "VersionMatched",
      "Unknown",
      "NotKnown",
      `what it runs (${has}) or what it should run cannot be told`,
      since
    )
  }
  return matches
    ? condition("VersionMatched", "True", "Matched", `it runs ${has}`, since)
    : condition(
      "VersionMatched",
      "False",
      "Mismatch",
      `it runs ${has}, wanted is ${wanted === undefined ? "unknown" : format(wanted)}`,
      since
    )
}

export const daemonConditions = (memory: Memory, now: Moment): ReadonlyArray<Condition> => {
  const { npu, unsaved } = memory
  return [
    condition(
      "Reachable",
      npu.reachable === undefined ? "Unknown" : npu.reachable ? "True" : "False",
      npu.reachable === undefined ? "NotAskedYet" : npu.reachable ? "Answers" : "NoAnswer",
      npu.reachable === undefined
        ? "the first look has not ended yet"
        : npu.reachable
        ? "the NPU answers"
        : npu.reason ?? "no answer",
      npu.since ?? now
    ),
    ...(unsaved === undefined ? [] : [
      condition("StateDurable", "False", "StateNotDurable", `memory cannot be saved: ${unsaved.reason}`, unsaved.since)
    ])
  ]
}
