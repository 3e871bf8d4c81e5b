/**
 * What to do about one container now, and why. The step acts on the verdict and
 * `status` explains by it, so that what is said is what is done.
 */
import type { ContainerSpec } from "../model/catalogue.ts"
import { format, type ImageRef } from "../model/image.ts"
import { type Capability, deedsOf } from "../model/speech.ts"
import { lacking } from "./capable.ts"
import { type Memory, recordOf, targetVersion, watchedOf } from "./memory.ts"
import { blockingDependency, isFresh, isHeld, versionMatches, wantedImage } from "./question.ts"
import { explain } from "./upgrade/explain.ts"
import { isSwitching } from "./upgrade/members.ts"
import { waitForWayBack } from "./upgrade/stage.ts"
import type { Wait } from "./wait.ts"

export type Verdict =
  /** All is as it should be. */
  | { readonly _tag: "Rest"; readonly reason: string; readonly message: string }
  | Wait
  | Do<"Start", { readonly image: ImageRef }>
  | Do<"Stop", { readonly force: boolean }>
  | Do<"Remove", { readonly instance: string }>
  | Do<"ListImages">
  | Do<"Deploy", { readonly image: ImageRef }>

/** Something to be done now: its name is its reason too. */
type Do<Name extends string, How = unknown> = How & {
  readonly _tag: Name
  readonly reason: Name
  readonly message: string
}

const act = <const Name extends string, How>(name: Name, message: string, how: How): Do<Name, How> => ({
  _tag: name,
  reason: name,
  message,
  ...how
})

/** Above this level of the ladder a container is said to be crash-looping. */
export const crashLoopLevel = 3

export const isCrashLooping = (memory: Memory, spec: ContainerSpec): boolean => {
  const record = recordOf(memory, spec.name)
  return record.due !== null && record.level > crashLoopLevel
}

export const verdict = (memory: Memory, spec: ContainerSpec, mono: number): Verdict =>
  feasible(memory, judged(memory, spec, mono))

const judged = (memory: Memory, spec: ContainerSpec, mono: number): Verdict => {
  const watched = watchedOf(memory, spec.name)
  const record = recordOf(memory, spec.name)
  const { npu } = memory
  if (watched.inFlight !== undefined) {
    return {
      _tag: "Wait",
      reason: `${watched.inFlight.action}InFlight`,
      message: inFlightMessage[watched.inFlight.action]
    }
  }
  if (npu.reachable === undefined) {
    return { _tag: "Wait", reason: "FirstLook", message: "waiting for the first look at the NPU" }
  }
  if (!npu.reachable) {
    return {
      _tag: "Wait",
      reason: "NpuUnreachable",
      message: `waiting for the NPU: ${npu.reason ?? "it does not answer"}; nothing is done on a guess`,
      advice: "check the midplane link and the gNOI server on the NPU; recovery goes on by itself once it answers"
    }
  }
  if (record.desired === "stopped") return stoppedVerdict(memory, spec, mono)
  if (!isFresh(watched)) return { _tag: "Wait", reason: "Looking", message: "looking at what the last action did" }
  if (watched.sighting._tag === "Unknown") {
    return {
      _tag: "Wait",
      reason: "StateUnknown",
      message:
        `the NPU does not say clearly what state it is in (${watched.sighting.reason}); nothing is done on a guess`
    }
  }
  if (record.due === null) return atRest(memory, spec, mono)
  if (record.due.at > mono) {
    return {
      _tag: "Wait",
      reason: isCrashLooping(memory, spec) ? "CrashLooping" : "BackOff",
      message: `waiting before start ${record.level + 1}: ${record.lastReason ?? "it stopped"}`,
      until: record.due.at,
      advice: retryAdvice(spec)
    }
  }
  return restartVerdict(memory, spec, mono)
}

/** It runs what it is assigned; where that is not what the DPU asks for, the upgrade says why. */
const atRest = (memory: Memory, spec: ContainerSpec, mono: number): Verdict => {
  const member = memory.durable.upgrade?.members.some(({ container }) => container === spec.name) === true
  const message = versionMatches(memory, spec) === false || member
    ? `running as it should; ${explain(memory, mono).message}`
    : "running as it should"
  return { _tag: "Rest", reason: "Running", message }
}

const retryAdvice = (spec: ContainerSpec): string => `offloadctl retry ${spec.service} ends the wait`

const inFlightMessage = {
  Start: "starting it",
  Stop: "stopping it",
  Remove: "removing what was left of it"
} as const

const stoppedVerdict = (memory: Memory, spec: ContainerSpec, mono: number): Verdict => {
  const watched = watchedOf(memory, spec.name)
  if (watched.sighting._tag === "Unknown") {
    // An operator's word needs no clear sight of the container, only an NPU that answers.
    return watched.intentMono > watched.lastActionEnd
      ? act("Stop", "stopping it, as the operator asked", { force: false })
      : { _tag: "Wait", reason: "StateUnknown", message: `its state is not clear: ${watched.sighting.reason}` }
  }
  if (!isFresh(watched)) return { _tag: "Wait", reason: "Looking", message: "looking at what the last action did" }
  if (watched.sighting._tag !== "Running") {
    return { _tag: "Rest", reason: "StoppedByOperator", message: "stopped, as the operator asked" }
  }
  return stop(memory, spec, mono, "stopping it, as the operator asked")
}

const stop = (memory: Memory, spec: ContainerSpec, mono: number, message: string): Verdict => {
  const { nextStop, stopTries } = watchedOf(memory, spec.name)
  return nextStop > mono
    ? {
      _tag: "Wait",
      reason: "StopFailed",
      message: "waiting before it is stopped again",
      until: nextStop,
      advice: retryAdvice(spec)
    }
    : act("Stop", message, { force: stopTries > 0 })
}

/** A start is due now; what stands between here and there, one thing at a time. */
const restartVerdict = (memory: Memory, spec: ContainerSpec, mono: number): Verdict => {
  const { sighting } = watchedOf(memory, spec.name)
  const record = recordOf(memory, spec.name)
  const runsAnother = sighting._tag === "Running" && record.due?.cause === "WrongVersion"
  if (memory.unsaved !== undefined && runsAnother) {
    return {
      _tag: "Wait",
      reason: "StateNotDurable",
      message: `its version is not changed while memory cannot be saved: ${memory.unsaved.reason}`,
      advice: "make room in, or give access to, the state folder"
    }
  }
  const image = wantedImage(memory, spec)
  if (image === undefined) {
    const target = targetVersion(memory)
    return target !== undefined
      ? {
        _tag: "Wait",
        reason: "Quarantined",
        message: `version ${target} is in quarantine, and no other service tells which to run instead`,
        advice: `bring the DPU to another version, or run: offloadctl release ${target}`
      }
      : {
        _tag: "Wait",
        reason: "VersionUnknown",
        message: memory.target._tag === "Unreadable"
          ? `the DPU's SONiC version cannot be told: ${memory.target.reason}`
          : "the DPU's SONiC version has not been read yet",
        advice: "check the DPU's version file"
      }
  }
  // What runs is not stopped for another version before a list, asked for now, has shown that one to be there.
  const listed = memory.durable.upgrade?.phase === "switching" && isSwitching(memory, spec.name)
  const since = runsAnother && !listed ? record.due.at : Number.NEGATIVE_INFINITY
  const before = imageVerdict(memory, spec.service, image, mono, since)
  if (before !== undefined) return before
  const blocked = blockingDependency(memory, spec)
  if (blocked !== undefined) {
    return { _tag: "Wait", reason: "WaitingForDependency", message: `waiting to start: ${blocked}` }
  }
  switch (sighting._tag) {
    case "Running": {
      // One that the daemon before this one did not come to stop.
      const unready = !runsAnother
        ? undefined
        : listed
        ? waitForWayBack(memory, mono)
        // That list has grown old where it has waited for another service since.
        : imageVerdict(memory, spec.service, image, mono, Math.max(since, mono - memory.policy.upgrade.longestStep))
      return unready ?? stop(
        memory,
        spec,
        mono,
        runsAnother
          ? `stopping it to switch to ${format(image)}`
          : "stopping it, since it no longer answers its probe"
      )
    }
    case "Stopped":
      return act("Remove", "removing what was left of it before the start", { instance: sighting.id })
    default:
      return act("Start", `starting ${format(image)}`, { image })
  }
}

/** What has to happen before the image is on the NPU; undefined where it is, by a list no older than `since`. */
const imageVerdict = (
  memory: Memory,
  service: string,
  image: ImageRef,
  mono: number,
  since: number
): Verdict | undefined => {
  const name = format(image)
  const { images } = memory
  const held = answeredSince(images, since) ? isHeld(memory, image) : undefined
  if (held === true) return undefined
  if (held === undefined) {
    if (images.listing) {
      return { _tag: "Wait", reason: "ListingImages", message: "asking the NPU which images it holds" }
    }
    return images.nextListing > mono
      ? {
        _tag: "Wait",
        reason: "ImagesUnknown",
        message: "waiting before the NPU is asked again which images it holds",
        until: images.nextListing
      }
      : act("ListImages", "asking the NPU which images it holds", {})
  }
  if (images.transfer !== undefined) {
    return images.transfer.image === name
      ? { _tag: "Wait", reason: "Deploying", message: `sending ${name} to the NPU` }
      : {
        _tag: "Wait",
        reason: "WaitingForTransfer",
        message: `${name} has to be sent to the NPU; ${images.transfer.subject} is being sent first`
      }
  }
  const pace = images.pace[name]
  return pace !== undefined && pace.at > mono
    ? {
      _tag: "Wait",
      reason: "ImageUnavailable",
      message: `${name} is not on the NPU and could not be sent: ${pace.reason}`,
      until: pace.at,
      advice: `put an archive that holds ${name} into the images folder and run: offloadctl retry ${service}; `
        + "or run: offloadctl deploy ARCHIVE"
    }
    : act("Deploy", `sending ${name} to the NPU`, { image })
}

/** Whether the list in memory was asked for at that moment or later: one under way shows nothing yet. */
const answeredSince = ({ listed, listing }: Memory["images"], since: number): boolean =>
  since === Number.NEGATIVE_INFINITY || (!listing && listed >= since)

/** The same verdict where the NPU can do it; otherwise the wait for an NPU that can. */
const feasible = (memory: Memory, what: Verdict): Verdict => {
  const missing = lacking(memory, needs(what))
  return missing.length === 0 ? what : {
    _tag: "Wait",
    reason: "NotCapable",
    message: `the NPU cannot ${deedsOf(missing)}${
      what._tag === "Wait" ? "" : `, so this is not done: ${what.message}`
    }; its server speaks the ${memory.npu.speech?.dialect} dialect`,
    advice: "a newer gNOI Containerz server on the NPU; until then keep this container by the NPU's own means"
  }
}

const needs = (what: Verdict): ReadonlyArray<Capability> => {
  switch (what._tag) {
    case "Start":
      return ["start"]
    case "Stop":
      return ["stop"]
    case "Remove":
      return ["remove"]
    case "ListImages":
      return ["images"]
    case "Deploy":
      return ["deploy"]
    case "Wait":
      return what.reason === "StateUnknown" || what.reason === "Looking" ? ["list"] : []
    case "Rest":
      return []
  }
}
