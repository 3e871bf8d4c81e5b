/** What an upgrade does now, what it waits for and what comes next, in words; and whether the set is sound. */
import { split } from "../../model/image.ts"
import { versionAdvice } from "../../model/version-advice.ts"
import type { Policy } from "../../policy/policy.ts"
import { assignedImages, type Memory, recordOf, targetVersion } from "../memory.ts"
import type { Wait } from "../wait.ts"
import { type Blocker, blocker } from "./begin.ts"
import { isKeeping } from "./keep.ts"
import { stagedImages, wrongServices } from "./members.ts"
import type { Member, Saga } from "./record.ts"
import { preflight, staging, waitForWayBack } from "./stage.ts"

export interface Explanation {
  /** One word in CamelCase: the phase, or why there is none. */
  readonly reason: string
  /** A clause without its full stop. */
  readonly message: string
  /** What comes after it; undefined where nothing does. */
  readonly next: string | undefined
  readonly advice: string | undefined
  /** When time alone ends what it waits for; mono. */
  readonly until: number | undefined
  /** Whether services are being brought to another version, or wait for it. */
  readonly active: boolean
}

/** While the NPU does not answer nothing goes on, and what would be said is of before. */
export const explain = (memory: Memory, mono: number): Explanation => {
  const seen = explainSeen(memory, mono)
  // Also where an order says which version is wanted: after it, the DPU's is.
  const what = seen.advice === undefined && memory.target._tag === "Unreadable"
    ? { ...seen, advice: versionAdvice }
    : seen
  return memory.npu.reachable === false
    ? { ...what, message: `nothing is changed until the NPU answers; as last known, ${what.message}`, until: undefined }
    : what
}

/** Why the set of services is not sound; while an upgrade is under way, that this is to end it. Null where it is sound. */
export const degradedText = ({ durable: { degraded, upgrade } }: Memory): string | null =>
  degraded === null || upgrade === null || upgrade.kind === "rollback" || upgrade.phase === "rollingBack"
    ? degraded
    : `${upgrade.id} to ${upgrade.version} is to end what was before it: ${degraded}`

const explainSeen = (memory: Memory, mono: number): Explanation => {
  const { upgrade } = memory.durable
  if (upgrade !== null) return { ...explainSaga(memory, upgrade, mono), active: true }
  const version = targetVersion(memory)
  const wrong = version === undefined ? [] : wrongServices(memory, version)
  if (version !== undefined && wrong.length > 0) {
    const { advice, message, reason } = blocker(memory, version) ?? due
    return {
      reason,
      message: `${wrong.map(({ name }) => name).join(", ")} ${
        wrong.length === 1 ? "is" : "are"
      } not at ${version}, since ${message}`,
      next: undefined,
      advice,
      until: undefined,
      active: false
    }
  }
  const { staged } = memory.durable
  if (staged !== null) {
    const state = staging(memory, stagedImages(memory), mono)
    const ready = state._tag === "Ready"
    return {
      reason: ready ? "StagedAhead" : "StagingAhead",
      message: ready
        ? `the images of ${staged} are on the NPU, ahead of the DPU's change to it`
        : `the images of ${staged} are brought to the NPU ahead of the DPU's change to it${
          state._tag === "Wait" ? `: ${state.message}` : ""
        }`,
      next: "a switch to them once the DPU's version says so",
      advice: state._tag === "Wait" ? state.advice : undefined,
      until: state._tag === "Wait" ? state.until : undefined,
      active: false
    }
  }
  const { target } = memory
  return {
    reason: version === undefined ? "VersionUnknown" : "UpToDate",
    message: version === undefined
      ? `the DPU's SONiC version cannot be told (${
        target._tag === "Unreadable" ? target.reason : "it has not been read yet"
      }), so no upgrade begins by itself`
      : `every service is at ${version} or will be started at it`,
    next: undefined,
    advice: undefined,
    until: undefined,
    active: false
  }
}

const due: Blocker = { reason: "Due", message: "an upgrade is about to begin", advice: undefined }

const explainSaga = (memory: Memory, saga: Saga, mono: number): Omit<Explanation, "active"> => {
  const { policy, unsaved } = memory
  const held = unsaved === undefined ? undefined : {
    reason: "StateNotDurable",
    message: `${saga.id} stands still while memory cannot be saved: ${unsaved.reason}`,
    next: undefined,
    advice: "make room in, or give access to, the state folder",
    until: undefined
  }
  if (held !== undefined) return held
  switch (saga.phase) {
    case "staging":
      return explainStaging(memory, saga, mono)
    case "switching": {
      const current = saga.members.find(({ passed }) => !passed)
      const rest = saga.members.filter(({ passed, side }) => !passed && side === "old").map(({ container }) =>
        container
      )
      const unready = current?.side === "old" ? waitForWayBack(memory, mono) : undefined
      return {
        reason: "Switching",
        message: current === undefined
          ? `${saga.id}: every service is switched`
          : unready !== undefined
          ? `${saga.id}: ${current.container} runs on until the NPU holds its image and the one to go back to: ${unready.message}${
            patience(policy, saga, unready)
          }`
          : `${saga.id}: ${current.container} goes to ${current.target}; it must run and answer for ${
            seconds(policy.upgrade.gate)
          }${trouble(current)}`,
        next: rest.length === 0 ? "probation of the whole set" : `then ${rest.join(", ")}`,
        advice: unready?.advice,
        until: unready?.until
      }
    }
    case "probation": {
      const observed = saga.probation + memory.upgrade.probation
      return {
        reason: "Probation",
        message: `${saga.id}: all run ${saga.version}; ${seconds(observed)} of ${
          seconds(policy.upgrade.probation)
        } of probation are observed`,
        next: "the commit; until then the set before it is kept, and comes back if this one fails",
        advice: undefined,
        until: undefined
      }
    }
    case "rollingBack": {
      const pending = saga.members.filter(({ passed }) => !passed).map(({ container }) => container)
      return {
        reason: "RollingBack",
        message: `${saga.id}: ${pending.join(", ")} ${pending.length === 1 ? "is" : "are"} brought back, since ${
          saga.failure ?? "an operator asked for it"
        }`,
        next: `the set before ${saga.version} again, each service through its gate`,
        advice: undefined,
        until: undefined
      }
    }
  }
}

const explainStaging = (memory: Memory, saga: Saga, mono: number): Omit<Explanation, "active"> => {
  const next = saga.kind === "rollback"
    ? "the set before the present one is started again"
    : `${saga.members.map(({ container }) => container).join(", ")} are switched in this order`
  const images = staging(memory, stagedImages(memory), mono)
  const state = images._tag !== "Ready"
    ? images
    : isKeeping(memory)
    ? {
      _tag: "Wait" as const,
      reason: "KeepingArchives",
      message: "the archives of the present set are copied into the state folder",
      doing: true
    }
    : preflight(memory, saga)
  return {
    reason: state._tag === "Wait" && !("doing" in state) ? state.reason : "Staging",
    message: `${saga.id}: the present set runs on while images are brought to the NPU${
      state._tag === "Wait" ? `: ${state.message}` : ""
    }`,
    next,
    advice: state._tag === "Wait" && "advice" in state ? state.advice : undefined,
    until: state._tag === "Wait" && "until" in state ? state.until : undefined
  }
}

/** How much longer a switch is held up for the sake of an image before the set is brought back. */
const patience = ({ upgrade }: Policy, { members }: Saga, { reason }: Wait): string => {
  const failures = Math.max(...members.map(({ restarts, side }) => side === "old" ? restarts : 0))
  const left = upgrade.restarts - failures
  return failures === 0 || reason !== "ImageUnavailable"
    ? ""
    : `; the set is brought back when that has failed ${left <= 1 ? "once more" : `${left} times more`}`
}

const trouble = ({ restarts }: Member): string => restarts === 0 ? "" : `; it has failed ${restarts} times`

const seconds = (millis: number): string => `${Math.round(millis / 1000)} s`

/** The versions that services are assigned, each once. */
export const assignedVersions = (memory: Memory): ReadonlyArray<string> => [
  ...new Set(assignedImages(memory).map(({ tag }) => tag))
]

/** What each service is assigned: `gnmidpu0 at 2.0, …`. */
export const setText = (memory: Memory): string =>
  memory.specs.flatMap(({ name }) => {
    const { assigned } = recordOf(memory, name)
    return assigned === null ? [] : [`${name} at ${split(assigned).tag}`]
  }).join(", ")
