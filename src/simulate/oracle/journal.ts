/** All that the oracle remembers of one DPU: what its daemon was shown, did, and promised. */
import * as Either from "effect/Either"

import { decode, type Durable } from "../../decide/durable.ts"
import type { ContainerSpec } from "../../model/catalogue.ts"
import type { Call } from "../trace.ts"
import { ContainerEvidence, sameLook } from "./evidence.ts"
import { ProbeHistory } from "./probes.ts"

type Desired = "running" | "stopped"

export class ContainerJournal {
  readonly spec: ContainerSpec
  readonly evidence: ContainerEvidence
  readonly probes = new ProbeHistory()
  /** The instance that the probes are about. */
  probed = ""
  /** A call of the present daemon that changes the container. */
  inFlight: Call | undefined
  /** What the operator was last told; and what else the memory may hold, since nobody was told. */
  desired: Desired = "running"
  readonly possible = new Set<Desired>(["running"])
  /** Stops that the operator's word alone allows. */
  wordOfStop = 0
  ladder = { level: 0, lastStart: Number.NEGATIVE_INFINITY, excused: true }
  /** The earliest start after a reboot that was concluded; undefined where none is pending. */
  notBefore: number | undefined
  /** Of the last save. */
  savedLevel = 0
  /** Calls that did not succeed: each may be charged once. */
  chargeable = 0
  /** The level on the disk when it was last started. */
  levelAtStart = -1
  /** Versions that it was seen to run. */
  readonly seen = new Set<string>()
  /** What it was assigned by the last save, and whether that has changed since it was last started. */
  assigned: string | null = null
  reassigned = false
  /** Commands that were not answered yet. */
  asked = 0

  constructor(spec: ContainerSpec) {
    this.spec = spec
    this.evidence = new ContainerEvidence(spec.name)
  }
}

export class DpuJournal {
  readonly dpu: number
  readonly containers: ReadonlyMap<string, ContainerJournal>
  up = false
  /** What a daemon started now would load. */
  durable: string | undefined
  /** The last save failed, and none has succeeded since. */
  undurable = false
  private parsed: { readonly text: string | undefined; readonly durable: Durable | undefined } | undefined
  private lastSaving: string | undefined
  saving: { readonly begun: number; readonly text: string } | undefined
  /** When the run of saves that follow each other at once, now or just ended, began. */
  private chainBegan = 0
  private chainEnded = Number.NEGATIVE_INFINITY
  readonly versions = new Set<string>()
  version: string | undefined
  /** When the version last changed. */
  versionSince = 0
  readonly pastVersions: Array<{ readonly version: string | undefined; readonly until: number }> = []
  /** The images that the NPU was last seen to hold. */
  imagesSeen: ReadonlySet<string> = new Set()
  /** ListContainer calls in flight. */
  lists = 0
  /** When the last one began. */
  private listBegan = Number.NEGATIVE_INFINITY
  lastListAt = 0
  /** When the look that is under way, or has just ended, began; and when its last list ended. */
  private lookBegan = 0
  private lookEnded = Number.NEGATIVE_INFINITY
  /** Lists in a row that failed on this side. */
  failures = 0
  /** The same within the look that is under way: it is tried again before it has failed. */
  failuresInLook = 0
  /** Since the last list that came: the transport broke, or the daemon has only begun. */
  private brokeAt = Number.NEGATIVE_INFINITY
  private broken = true
  private brokeUntil = Number.NEGATIVE_INFINITY
  private lastListCame = false
  /** The moment that calls for a look, and from when its time counts. */
  hint: { readonly at: number; from: number } | undefined
  /** The memory on the disk was lost or damaged, and nothing has been saved since. */
  memoryLost = false
  /** When a reboot was last concluded. */
  rebootAt = Number.NEGATIVE_INFINITY

  constructor(dpu: number, specs: ReadonlyArray<ContainerSpec>) {
    this.dpu = dpu
    this.containers = new Map(specs.map((spec) => [spec.name, new ContainerJournal(spec)]))
  }

  /** What the daemon last meant to save, whether it could or not. */
  get intended(): Durable | undefined {
    return this.lastSaving === undefined ? this.memory : read(this.lastSaving)
  }

  get memory(): Durable | undefined {
    if (this.parsed?.text !== this.durable || this.parsed === undefined) {
      this.parsed = { text: this.durable, durable: this.durable === undefined ? undefined : read(this.durable) }
    }
    return this.parsed.durable
  }

  /**
   * What the daemon does now may have been decided as long ago as this: it saves
   * first, and what it knows is that of the last look that is over.
   */
  decidedSince(now: number): number {
    const decided = this.saving !== undefined || this.chainEnded === now ? this.chainBegan : now
    const looking = this.lists > 0 || now - this.lookEnded <= sameLook
    return looking ? Math.min(decided, this.lookBegan) : decided
  }

  /** The transport broke. */
  breaks(at: number): void {
    this.broken = true
    this.brokeAt = at
  }

  /** Whether the transport had been broken, with no whole look since, at any moment since then. */
  hadBroken(since: number): boolean {
    return this.broken || this.brokeUntil >= since
  }

  listBegins(at: number): void {
    if (this.lists === 0 && at - this.lookEnded > sameLook) {
      // The look before this one was whole where its last list came.
      if (this.broken && this.lastListCame && this.brokeAt <= this.lookBegan) {
        this.broken = false
        this.brokeUntil = this.lookEnded
      }
      this.lookBegan = at
      this.failuresInLook = 0
    }
    this.lists++
    this.listBegan = at
    this.lastListAt = at
  }

  listEnds(came: boolean, at: number): void {
    this.lastListCame = came
    this.lists = Math.max(0, this.lists - 1)
    this.lookEnded = at
    this.lastListAt = at
    if (this.hint !== undefined) this.hint.from = at
  }

  /** A new daemon, or none. */
  begins(up: boolean, at: number): void {
    this.up = up
    this.lastSaving = undefined
    this.saving = undefined
    this.chainEnded = Number.NEGATIVE_INFINITY
    this.lists = 0
    this.lookEnded = Number.NEGATIVE_INFINITY
    this.lastListAt = at
    this.failures = 0
    this.broken = true
    this.brokeAt = at
    this.brokeUntil = Number.NEGATIVE_INFINITY
    this.lastListCame = false
    this.hint = undefined
    this.rebootAt = Number.NEGATIVE_INFINITY
    this.imagesSeen = new Set()
    for (const container of this.containers.values()) {
      container.evidence.forget(at)
      container.probes.forget(at)
      container.probed = ""
      container.inFlight = undefined
      container.wordOfStop = 0
      container.asked = 0
      container.notBefore = undefined
    }
  }

  saveBegins(text: string, at: number): void {
    if (this.chainEnded !== at) {
      this.chainBegan = this.lists > 0 || at - this.lookEnded <= sameLook ? Math.min(at, this.lookBegan) : at
    }
    this.saving = { begun: at, text }
    this.lastSaving = text
  }

  saveEnds(ok: boolean, durable: string | undefined, at: number): void {
    this.saving = undefined
    this.chainEnded = at
    this.undurable = !ok
    if (ok) this.memoryLost = false
    this.durable = durable
    if (this.hint !== undefined) this.hint.from = at
  }

  /** A look is due, unless one has begun at this very moment: whoever asked may hear of it only then. */
  hintedOnce(at: number): void {
    if (this.listBegan !== at) this.hinted(at)
  }

  /** A look is due. */
  hinted(at: number): void {
    this.hint ??= { at, from: at }
  }
}

export const read = (text: string): Durable | undefined => Either.getOrUndefined(decode(text, 0))
