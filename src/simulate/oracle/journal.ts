/** All that the oracle remembers of one DPU: what its daemon was shown, did, and promised. */
import type { Durable } from "../../decide/durable.ts"
import type { ContainerSpec } from "../../model/catalogue.ts"
import type { CallError } from "../trace.ts"
import { ContainerJournal } from "./container-journal.ts"
import { sameLook } from "./evidence.ts"
import { MemoryReader } from "./reader.ts"

/** Milliseconds from which on a save counts as slow. */
const slowSave = 1000

const onProbation = (memory: Durable | undefined): NonNullable<Durable["upgrade"]> | undefined =>
  memory?.upgrade?.phase === "probation" ? memory.upgrade : undefined

export class DpuJournal {
  readonly dpu: number
  readonly containers: ReadonlyMap<string, ContainerJournal>
  up = false
  /** What a daemon started now would load. */
  private durable: string | undefined
  /** The last save failed, and none has succeeded since. */
  undurable = false
  /** When the last save began that succeeded. */
  private durableAt = 0
  /** What the daemon last read from the disk, or was told to be on it. */
  private known: string | undefined
  /** What was read of late: each text is asked for again and again. */
  private parsed: ReadonlyArray<{ readonly text: string; readonly durable: Durable | undefined }> = []
  private readonly reader = new MemoryReader()
  private lastSaving: string | undefined
  saving: { readonly begun: number; readonly text: string } | undefined
  /** When the last save began, and with it when what it says was decided: a slow disk holds up what follows from that. */
  saveBegan = Number.NEGATIVE_INFINITY
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
  /** Questions for a sign of life in flight, in the place of lists. */
  pulses = 0
  /** When the last list, or sign of life in the place of one, was asked for. */
  private askedAt = Number.NEGATIVE_INFINITY
  lastListAt = 0
  /** When the look that is under way, or has just ended, began; and when its last list ended. */
  private lookBegan = 0
  private lookEnded = Number.NEGATIVE_INFINITY
  /** Lists in a row that failed on this side. */
  failures = 0
  /** The same within the look that is under way: it is tried again before it has failed. */
  failuresInLook = 0
  /** Whether the last list failed on the way, so that the next may meet another server. */
  private cutShort = false
  /** Since the last list that came: the transport broke, or the daemon has only begun. */
  private brokeAt = Number.NEGATIVE_INFINITY
  private broken = true
  private brokeUntil = Number.NEGATIVE_INFINITY
  private lastListCame = false
  /** Until when no list came for longer than a look is tried again; infinite while that lasts. */
  private awayUntil = Number.NEGATIVE_INFINITY
  /** The server had no list of containers since the last one came: a look may ask for no more than a sign of life. */
  unlisted = false
  /** The moment that calls for a look, and from when its time counts. */
  hint: { readonly at: number; from: number } | undefined
  /** The memory on the disk was lost or damaged, and nothing has been saved since. */
  memoryLost = false
  /** Since when the reboot that was last told of may have been concluded. */
  rebootAt = Number.NEGATIVE_INFINITY
  /** Of the set on probation: how long the lists that came can have shown all of it to run, and when the last did. */
  probation: { readonly id: string; observed: number; listedAt: number | undefined } | undefined

  constructor(dpu: number, specs: ReadonlyArray<ContainerSpec>) {
    this.dpu = dpu
    this.containers = new Map(specs.map((spec) => [spec.name, new ContainerJournal(spec)]))
  }

  /** It has read this from the disk. */
  loads(durable: string | undefined): void {
    this.durable = durable
    this.known = durable
  }

  /** What the daemon last meant to save, whether it could or not. */
  get intended(): Durable | undefined {
    return this.lastSaving === undefined ? this.memory : this.read(this.lastSaving)
  }

  get memory(): Durable | undefined {
    return this.durable === undefined ? undefined : this.read(this.durable)
  }

  /** What the daemon goes on with: what it last meant to save, or, where it could not, what it last knew to be saved, whatever the disk has since. */
  get held(): Durable | undefined {
    if (!this.undurable) return this.intended
    return this.known === undefined ? undefined : this.read(this.known)
  }

  /** Undefined where the text cannot be loaded. */
  read(text: string): Durable | undefined {
    const known = this.parsed.find((entry) => entry.text === text)
    if (known !== undefined) return known.durable
    const durable = this.reader.read(text)
    this.parsed = [{ text, durable }, ...this.parsed.slice(0, 3)]
    return durable
  }

  /** A list that came, or a look that failed: the time up to the next one is then not observed. */
  observes(came: boolean, at: number, longestStep: number): void {
    // Where a write was torn, the disk has less than the daemon goes on with.
    const saga = onProbation(this.memory) ?? onProbation(this.held)
    if (saga === undefined) {
      this.probation = undefined
      return
    }
    if (this.probation?.id !== saga.id) this.probation = { id: saga.id, observed: 0, listedAt: undefined }
    const { probation } = this
    const states = saga.members.flatMap(({ container }) => {
      const member = this.containers.get(container)
      return member === undefined || member.possible.has("stopped") ? [] : [member.evidence.present.state]
    })
    if (!came || states.some((state) => state === "Stopped" || state === "Absent")) probation.listedAt = undefined
    else if (!states.includes("Unknown")) {
      if (probation.listedAt !== undefined) probation.observed += Math.min(at - probation.listedAt, longestStep)
      probation.listedAt = at
    }
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

  /** What a save tells may have been decided as long ago as this: while none succeeds, the daemon goes on in memory alone. */
  savedSince(now: number): number {
    return this.undurable ? Math.min(this.durableAt, this.decidedSince(now)) : this.decidedSince(now)
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

  /** The NPU was lost sight of: its lists fail on this side, and are not tried again within their look. */
  loses(): void {
    this.awayUntil = Number.POSITIVE_INFINITY
  }

  /** A list came. */
  finds(at: number): void {
    this.awayUntil = Math.min(this.awayUntil, at)
  }

  /** Whether the NPU had been lost sight of, or was, at any moment since then. */
  hadLost(since: number): boolean {
    return this.awayUntil >= since
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
    this.askedAt = at
    this.lastListAt = at
  }

  /** A sign of life is asked for. */
  pulseBegins(at: number): void {
    if (!this.unlisted) return
    this.pulses++
    this.askedAt = at
    this.lastListAt = at
    this.hint = undefined
  }

  pulseEnds(at: number): void {
    if (this.pulses === 0) return
    this.pulses--
    this.lastListAt = at
    if (this.hint !== undefined) this.hint.from = at
  }

  listEnds(came: boolean, at: number): void {
    this.lastListCame = came
    this.lists = Math.max(0, this.lists - 1)
    this.lookEnded = at
    this.lastListAt = at
    if (this.hint !== undefined) this.hint.from = at
  }

  /** A list that failed, or could not be understood. */
  listFails(error: CallError | undefined): void {
    // Another server is there: what the one before it failed in speaks not of this one, and the look goes on with it.
    if (this.cutShort && error?.origin === "peer" && error.code === "UNIMPLEMENTED") this.forgetFailures()
    this.cutShort = error?.origin === "local"
    this.failures++
    this.failuresInLook++
  }

  /** A list that came, or a daemon that knows of none yet. */
  forgetFailures(): void {
    this.failures = 0
    this.failuresInLook = 0
    this.cutShort = false
  }

  /** A new daemon, or none. */
  begins(up: boolean, at: number): void {
    this.up = up
    this.lastSaving = undefined
    this.saving = undefined
    this.chainEnded = Number.NEGATIVE_INFINITY
    this.lists = 0
    this.pulses = 0
    this.lookEnded = Number.NEGATIVE_INFINITY
    this.lastListAt = at
    this.forgetFailures()
    this.broken = true
    this.brokeAt = at
    this.brokeUntil = Number.NEGATIVE_INFINITY
    this.awayUntil = Number.NEGATIVE_INFINITY
    this.lastListCame = false
    this.hint = undefined
    this.rebootAt = Number.NEGATIVE_INFINITY
    this.imagesSeen = new Set()
    if (this.probation !== undefined) this.probation.listedAt = undefined
    for (const container of this.containers.values()) container.forget(at)
  }

  saveBegins(text: string, at: number): void {
    if (this.chainEnded !== at) {
      this.chainBegan = this.lists > 0 || at - this.lookEnded <= sameLook ? Math.min(at, this.lookBegan) : at
    }
    this.saving = { begun: at, text }
    this.saveBegan = at
    this.lastSaving = text
  }

  saveEnds(ok: boolean, durable: string | undefined, at: number): void {
    // What a slow disk holds up, it holds up for the looks as well.
    if (this.saving !== undefined && at - this.saving.begun >= slowSave) this.lastListAt = at
    this.saving = undefined
    this.chainEnded = at
    this.undurable = !ok
    if (ok) {
      this.memoryLost = false
      this.durableAt = this.chainBegan
      this.known = durable
    } else for (const container of this.containers.values()) container.recall()
    this.durable = durable
    if (this.hint !== undefined) this.hint.from = at
  }

  /** A look is due, unless one has begun at this very moment: whoever asked may hear of it only then. */
  hintedOnce(at: number): void {
    if (this.askedAt !== at) this.hinted(at)
  }

  /** A look is due. */
  hinted(at: number): void {
    this.hint ??= { at, from: at }
  }
}
