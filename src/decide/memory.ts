/** All that the step function remembers: a durable part and what was last seen. */
import type { ContainerSpec, DpuNumber } from "../model/catalogue.ts"
import type { ConditionStatus } from "../model/condition.ts"
import type { Audit, Holding } from "../model/event.ts"
import { type ImageRef, split } from "../model/image.ts"
import type { ImageUser, Sighting } from "../model/look.ts"
import type { Room } from "../model/room.ts"
import type { Speech } from "../model/speech.ts"
import type { TransportFault } from "../model/transport-fault.ts"
import type { SonicVersion } from "../model/version.ts"
import { defaults, type Policy } from "../policy/policy.ts"
import { type Durable, type DurableContainer, initialContainer } from "./durable.ts"

/** A moment on both clocks: `mono` decides, `wall` (ms since 1970) is shown. */
export interface Moment {
  readonly mono: number
  readonly wall: number
}

export type ContainerAction = "Start" | "Stop" | "Remove"

/** What the probes of one running instance have shown. */
export interface ProbeRecord {
  /** The last clear answer; undefined before the first. */
  readonly healthy: boolean | undefined
  readonly everHealthy: boolean
  /** Consecutive bad probes, and when the first of them was begun. */
  readonly failures: number
  readonly badSince: number | undefined
  /** When the last bad one ended: however late it is heard of, no more is known than that. */
  readonly badUntil: number | undefined
  /** A probe without answer, which counts as bad once a later look succeeds. */
  readonly unsettled: { readonly ended: number; readonly reason: string } | undefined
  readonly reason: string | undefined
}

export const unprobed: ProbeRecord = {
  healthy: undefined,
  everHealthy: false,
  failures: 0,
  badSince: undefined,
  badUntil: undefined,
  unsettled: undefined,
  reason: undefined
}

/** Somebody else has a hand on a container. */
export interface Contest {
  /** One word in CamelCase. */
  readonly reason: string
  /** A sentence. */
  readonly message: string
  /** When its last sign was seen; mono. */
  readonly last: number
}

/** What is known of one container now. */
export interface Watched {
  readonly sighting: Sighting
  /** The last clear state, kept through times when nothing could be seen. */
  readonly lastClear: "Running" | "Stopped" | "Absent" | undefined
  readonly observedAt: Moment | undefined
  /** When the look behind the sighting was begun; mono. */
  readonly lookBegun: number | undefined
  /** When the kind of sighting last changed. */
  readonly since: Moment | undefined
  /** An action of unknown outcome, which the next look settles. */
  readonly unsettled:
    | { readonly action: ContainerAction; readonly reason: string; readonly unreachable: boolean }
    | undefined
  readonly inFlight:
    | {
      readonly operation: string
      readonly action: ContainerAction
      readonly since: number
      /** What signs its beginning and its end. */
      readonly audit: Audit
      /** For the audit: what it found, and what it leaves where it succeeds. */
      readonly before: Holding | null | undefined
      readonly after: Holding | null
    }
    | undefined
  /** Looks begun before this moment say nothing any more; mono. */
  readonly lastActionEnd: number
  readonly probe: ProbeRecord
  /** Stops that did not take, and when the next may be tried; mono. */
  readonly stopTries: number
  readonly nextStop: number
  /** When the operator's latest intent was taken; mono. */
  readonly intentMono: number
  readonly contest: Contest | undefined
  /** Stops in a row that came soon after a start, of instances that had answered. */
  readonly soonStops: number
  /** How often somebody started it since an operator had it stopped. */
  readonly foreignStarts: number
}

export const unwatched: Watched = {
  sighting: { _tag: "Unknown", reason: "not looked at yet" },
  lastClear: undefined,
  observedAt: undefined,
  lookBegun: undefined,
  since: undefined,
  unsettled: undefined,
  inFlight: undefined,
  lastActionEnd: Number.NEGATIVE_INFINITY,
  probe: unprobed,
  stopTries: 0,
  nextStop: Number.NEGATIVE_INFINITY,
  intentMono: Number.NEGATIVE_INFINITY,
  contest: undefined,
  soonStops: 0,
  foreignStarts: 0
}

/** What is known of the images on the NPU that we want, and of getting them there. */
export interface ImageMemory {
  /** `repository:tag` → whether the NPU held it when last asked. */
  readonly held: Readonly<Record<string, boolean>>
  /** `repository:tag` → config digest, or the id that the server's list shows. */
  readonly ids: Readonly<Record<string, string>>
  readonly listing: boolean
  /** When the last list that was answered, or the one under way, was asked for; mono. */
  readonly listed: number
  readonly nextListing: number
  /** The one transfer under way. */
  readonly transfer:
    | {
      readonly operation: string
      readonly subject: string
      readonly image: string | undefined
      /** When it began; mono. */
      readonly since: number
      /** What signs its beginning and its end. */
      readonly audit: Audit
    }
    | undefined
  /** `repository:tag` → the pace of repeated transfers. */
  readonly pace: Readonly<Record<string, Pace>>
}

/** How often in a row the transfer of an image has failed, when it may be tried again, and why it failed last. */
export interface Pace {
  readonly level: number
  /** Mono. */
  readonly at: number
  readonly reason: string
  /** Where the NPU had no room: who holds it. */
  readonly room: Room | undefined
}

/** What was observed of the saga under way and need not survive the daemon. */
export interface UpgradeMemory {
  /** When the last look that counts ended; undefined after an outage, and at first. Mono. */
  readonly lookedAt: number | undefined
  /** Which instance of each member that look showed Running as it should. */
  readonly running: Readonly<Record<string, string>>
  /** How far each member is through its gate. */
  readonly gates: Readonly<Record<string, Gate>>
  /** Observed time that is not in the durable part yet: milliseconds. */
  readonly probation: number
  readonly unready: Readonly<Record<string, number>>
  /** Whether the list of images in memory was asked for after the last transfer. */
  readonly imagesFresh: boolean
  /** Whether it waits for something else than images, so that the list in memory grows old. */
  readonly heldBack: boolean
  /** Containers of all DPUs with images of the catalogue, by the last look. */
  readonly users: ReadonlyArray<ImageUser>
  /** When what the DPUs run was last written down; undefined after an outage, and at first. Mono. */
  readonly fleetAt: number | undefined
  /** The image that is being removed. */
  readonly pruning: string | undefined
  /** Of which images the archives were last to be kept, and since when (mono); of none at first. */
  readonly keeping: { readonly operation: string; readonly set: string; readonly since: number }
  /** Which such operation has ended. */
  readonly kept: string
  /** Why images could not be brought to the NPU, as said of the saga under way: no outage makes that news. */
  readonly refusals: ReadonlyArray<string>
  /** Why no upgrade begins although one is due, as last said. */
  readonly blockedBy: string | undefined
  /** The conditions `Upgrading` and `Degraded`, once either was told. */
  readonly standings: Readonly<Record<"Upgrading" | "Degraded", Standing>> | undefined
}

/** One instance, Running and answering through these looks. */
export interface Gate {
  readonly instance: string
  readonly observed: number
  readonly looks: number
}

export const unobserved: UpgradeMemory = {
  lookedAt: undefined,
  running: {},
  gates: {},
  probation: 0,
  unready: {},
  imagesFresh: false,
  heldBack: false,
  users: [],
  fleetAt: undefined,
  pruning: undefined,
  keeping: { operation: "", set: "", since: 0 },
  kept: "",
  refusals: [],
  blockedBy: undefined,
  standings: undefined
}

/** What a condition is, and since when. */
export interface Standing {
  readonly status: ConditionStatus
  readonly since: Moment
}

export type ServiceCondition = "Running" | "Healthy" | "VersionMatched" | "Progressing" | "Contested" | "Capable"

export interface NpuMemory {
  /** undefined before the first look ended. */
  readonly reachable: boolean | undefined
  readonly since: Moment | undefined
  readonly reason: string | undefined
  /** Why it is not reachable, in one word, where that can be told. */
  readonly fault: TransportFault | undefined
  /** The transport broke since the last good look, or there was none yet. */
  readonly broke: boolean
  /** When a reboot was last concluded; mono. */
  readonly lastReboot: number
  /** What its server speaks; undefined until that is known. */
  readonly speech: Speech | undefined
  readonly speechSince: Moment | undefined
  /** When the last look ended, and how long it took. */
  readonly lookedAt: Moment | undefined
  readonly lookTook: number | undefined
}

export type VersionMemory =
  | { readonly _tag: "Unread" }
  | { readonly _tag: "Known"; readonly version: SonicVersion }
  | { readonly _tag: "Unreadable"; readonly reason: string; readonly last: SonicVersion | undefined }

export interface Memory {
  readonly durable: Durable
  readonly dpu: DpuNumber
  readonly specs: ReadonlyArray<ContainerSpec>
  readonly policy: Policy
  readonly target: VersionMemory
  readonly npu: NpuMemory
  readonly watched: Readonly<Record<string, Watched>>
  /** By container. */
  readonly standings: Readonly<Record<string, Readonly<Partial<Record<ServiceCondition, Standing>>>>>
  readonly images: ImageMemory
  readonly upgrade: UpgradeMemory
  /** Tells this life of the daemon from all others; with the count of its operations it makes their ids. */
  readonly life: string
  readonly operations: number
  /** Whether memory could be saved when last tried, and why not. */
  readonly unsaved: { readonly reason: string; readonly since: Moment } | undefined
}

export const initialMemory = (durable: Durable): Memory => ({
  durable,
  dpu: 0,
  specs: [],
  policy: defaults,
  target: { _tag: "Unread" },
  npu: {
    reachable: undefined,
    since: undefined,
    reason: undefined,
    fault: undefined,
    broke: true,
    lastReboot: Number.NEGATIVE_INFINITY,
    speech: undefined,
    speechSince: undefined,
    lookedAt: undefined,
    lookTook: undefined
  },
  watched: {},
  standings: {},
  images: {
    held: {},
    ids: {},
    listing: false,
    listed: Number.NEGATIVE_INFINITY,
    nextListing: Number.NEGATIVE_INFINITY,
    transfer: undefined,
    pace: {}
  },
  upgrade: unobserved,
  life: "",
  operations: 0,
  unsaved: undefined
})

export const recordOf = (memory: Memory, name: string): DurableContainer =>
  memory.durable.containers[name] ?? initialContainer

export const watchedOf = (memory: Memory, name: string): Watched => memory.watched[name] ?? unwatched

/** The DPU's own version, or undefined while it cannot be told. */
export const dpuVersion = (memory: Memory): SonicVersion | undefined =>
  memory.target._tag === "Known" ? memory.target.version : undefined

/** The version that containers should have: the one that an operator ordered, else the DPU's. */
export const targetVersion = (memory: Memory): string | undefined => memory.durable.ordered ?? dpuVersion(memory)

/** The image that recovery keeps a container at; undefined before it was ever started or adopted. */
export const assignedImage = (memory: Memory, name: string): ImageRef | undefined => {
  const { assigned, owned } = recordOf(memory, name)
  return owned && assigned !== null ? split(assigned) : undefined
}

/** What each container is assigned, as far as it is. */
export const assignedImages = (memory: Memory): ReadonlyArray<ImageRef> =>
  memory.specs.flatMap(({ name }) => assignedImage(memory, name) ?? [])
