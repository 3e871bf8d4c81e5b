/** What the engine knows: plain mutable data, one time, one queue of timers. */
import type { ImageRef } from "../../../src/model/image.ts"
import type { CreateVolumeRequest, RemoteDownload, StartContainerRequest } from "../../../src/npu/messages.ts"
import type { GrpcCode } from "../../../src/npu/wire.ts"
import type { Behaviour, ProbeMode } from "./behaviour.ts"
import type { Later } from "./reply.ts"
import { type Timer, Timers } from "./timers.ts"

/** One image of an archive, as its manifest and its config tell it. */
export interface ArchivedImage {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly configDigest: string
  /** `repository:tag`, as the archive spells them; may be empty. */
  readonly repoTags: ReadonlyArray<string>
  /** As OCI spells it; empty where the config does not say. */
  readonly architecture: string
  readonly labels: Readonly<Record<string, string>>
}

/** What a loaded archive turned out to hold. */
export interface ArchiveDescription {
  readonly images: ReadonlyArray<ArchivedImage>
  /** Bytes after decompression: the room that the images take. */
  readonly unpackedBytes: number
}

export interface Image {
  /** The config's digest, `sha256:…`. */
  readonly id: string
  names: ReadonlyArray<ImageRef>
  readonly architecture: string
  /** Bytes. */
  readonly size: number
  readonly labels: Readonly<Record<string, string>>
  behaviour: Behaviour
  readonly loadedAt: number
}

export type ContainerState = "created" | "running" | "exited"

export interface Container {
  readonly id: string
  readonly name: string
  readonly request: StartContainerRequest
  readonly imageId: string
  readonly image: ImageRef
  /** What a list shows: the name, or the image's id once the name means another image. */
  imageName: string
  state: ContainerState
  /** Its restart policy waits to start it again; lists go on saying RUNNING. */
  awaitingRestart: boolean
  readonly createdAt: number
  startedAt: number | undefined
  finishedAt: number | undefined
  exitCode: number | undefined
  restarts: number
  /** Set by an administrator; wins over the image's behaviour. */
  probe: ProbeMode | undefined
  /** A stop under way; settles when the process is gone. */
  stopping: Later<void> | undefined
  updating: boolean
  readonly log: Array<string>
  readonly timers: { life: Timer | undefined; stop: Timer | undefined; restart: Timer | undefined }
}

export interface Volume {
  readonly request: CreateVolumeRequest
  readonly createdAt: number
}

/** A deploy under way. */
export interface Transfer {
  readonly name: string
  readonly tag: string
  /** Bytes announced. */
  readonly declared: number
  /** Bytes that came. */
  received: number
  readonly remote: RemoteDownload | undefined
  open: boolean
}

/** Where servers differ from the interface or from each other. */
export interface Quirks {
  /** A start over a stopped or created container of the name. */
  readonly startOverLeftover: GrpcCode
  /** Removal of an image that a container uses. */
  readonly imageInUse: GrpcCode
  /** Whether fewer bytes than announced are refused. */
  readonly checksShortTransfer: boolean
  /** Whether lists tell the containers' labels. */
  readonly listsLabels: boolean
  /** Put before a name without a host when it is loaded, for example `localhost/`. */
  readonly shortNamePrefix: string
  /** Whether an archive's own names keep the request's name and tag from being applied. */
  readonly archiveNamesWin: boolean
}

/** What the interface specifies. */
export const specified: Quirks = {
  startOverLeftover: "ALREADY_EXISTS",
  imageInUse: "FAILED_PRECONDITION",
  checksShortTransfer: true,
  listsLabels: true,
  shortNamePrefix: "",
  archiveNamesWin: false
}

/** What the reference server does instead. */
export const asReference: Quirks = {
  ...specified,
  startOverLeftover: "INTERNAL",
  imageInUse: "UNAVAILABLE",
  checksShortTransfer: false,
  listsLabels: false
}

export interface EngineOptions {
  /** Milliseconds since the epoch; must not go backwards. */
  readonly now: () => number
  /** Told when the engine has something to do by itself, ms; then call `settle`. */
  readonly wake?: (at: number) => void
  /** Room for images, bytes. */
  readonly diskBytes?: number
  /** How long a stop without force takes, ms. */
  readonly stopMillis?: number
  /** How long loading takes after the last byte, ms. */
  readonly loadMillis?: number
  /** All stopped containers and dangling images go this often, ms; never without it. */
  readonly pruneEveryMillis?: number
  readonly quirks?: Partial<Quirks>
  /** What its processor is, as OCI spells it; without it images for any run. */
  readonly architecture?: string
  /** The port that a container of this name serves on the host's network. */
  readonly listensOn?: (container: string) => number | undefined
  /** What a remote download of this path brings; `undefined`: nothing, and it is called a success. */
  readonly remote?: (download: RemoteDownload) => ArchiveDescription | undefined
  /** What OS.Verify answers. */
  readonly osVersion?: string
  /** Makes the ids of two engines differ. */
  readonly seed?: number
}

/** Something happened to a container; for listeners on ports, followers of logs, checkers. */
export interface EngineEvent {
  readonly _tag: "Started" | "Exited" | "Removed" | "Logged" | "ProbeChanged"
  readonly container: Container
  /** The text of `Logged`, empty otherwise. */
  readonly text: string
  readonly at: number
}

export interface Core {
  readonly options: Omit<EngineOptions, "quirks"> & {
    readonly stopMillis: number
    readonly loadMillis: number
    readonly quirks: Quirks
  }
  /** The time of the call being answered or of the timer being run, ms. */
  time: number
  readonly timers: Timers
  /** By name. */
  readonly containers: Map<string, Container>
  /** By id. */
  readonly images: Map<string, Image>
  /** By name. */
  readonly volumes: Map<string, Volume>
  readonly transfers: Set<Transfer>
  /** Bytes; `filler` is what something else has taken. */
  readonly disk: { capacity: number; filler: number }
  /** Ports taken by something that is no container. */
  readonly blockedPorts: Set<number>
  readonly faults: {
    /** So many lists of containers will be empty, complete and OK. */
    emptyLists: number
    /** Containers that lists show as UNSPECIFIED. */
    readonly unspecified: Set<string>
    /** So many archives will arrive damaged. */
    corruptDeploys: number
    /** So many deploys will be called a success without anything loaded. */
    lostDeploys: number
  }
  readonly listeners: Set<(event: EngineEvent) => void>
  /** Counts reboots: what was under way before one does not go on after it. */
  boots: number
  counter: number
}

export const makeCore = (options: EngineOptions): Core => ({
  options: {
    ...options,
    stopMillis: options.stopMillis ?? 100,
    loadMillis: options.loadMillis ?? 0,
    quirks: { ...specified, ...options.quirks }
  },
  time: options.now(),
  timers: new Timers(options.wake ?? (() => undefined)),
  containers: new Map(),
  images: new Map(),
  volumes: new Map(),
  transfers: new Set(),
  disk: { capacity: options.diskBytes ?? 16 * 2 ** 30, filler: 0 },
  blockedPorts: new Set(),
  faults: { emptyLists: 0, unspecified: new Set(), corruptDeploys: 0, lostDeploys: 0 },
  listeners: new Set(),
  boots: 0,
  counter: 0
})

export const emit = (core: Core, tag: EngineEvent["_tag"], container: Container, text = ""): void => {
  if (core.listeners.size === 0) return
  const event: EngineEvent = { _tag: tag, container, text, at: core.time }
  for (const listener of Array.from(core.listeners)) listener(event)
}

/** 64 hexadecimal digits, the same for the same seed and count. */
export const nextId = (core: Core): string => {
  core.counter++
  let word = Math.imul(core.counter, 0x9e3779b1) ^ Math.imul((core.options.seed ?? 0) + 1, 0x85ebca6b)
  let id = ""
  for (let index = 0; index < 8; index++) {
    word = Math.imul(word ^ (word >>> 16), 0x21f0aaad) + 0x6d2b79f5 | 0
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
    id += ((word ^ (word >>> 15)) >>> 0).toString(16).padStart(8, "0")
  }
  return id
}
