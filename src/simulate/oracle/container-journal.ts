/** All that the oracle remembers of one container: what its daemon was shown of it, did to it, and promised. */
import type { ContainerSpec } from "../../model/catalogue.ts"
import type { Call } from "../trace.ts"
import { ContainerEvidence, type Evidence } from "./evidence.ts"
import { ProbeHistory } from "./probes.ts"

type Desired = "running" | "stopped"

export class ContainerJournal {
  readonly spec: ContainerSpec
  readonly evidence: ContainerEvidence
  readonly probes = new ProbeHistory()
  /** The instance that the probes are about. */
  probed = ""
  /** Since when that one was shown to run; and for how long the one before it was, until when. */
  private runningSince: number | undefined
  private ranBefore = { length: 0, until: Number.NEGATIVE_INFINITY }
  /** Since when the one that the probes are about was shown to run, where lists have it no more. */
  private vanishedSince: number | undefined
  /** A call of the present daemon that changes the container. */
  inFlight: Call | undefined
  /** What the operator was last told; and what else the memory may hold, since nobody was told. */
  desired: Desired = "running"
  readonly possible = new Set<Desired>(["running"])
  /** When the operator was told that it is stopped, where it was to run until then. */
  stoppedAt = Number.NEGATIVE_INFINITY
  /** Stops that the operator's word alone allows. */
  wordOfStop = 0
  ladder = { level: 0, lastStart: Number.NEGATIVE_INFINITY, excused: true }
  /** The earliest start after a reboot that was concluded; undefined where none is pending. */
  notBefore: number | undefined
  /** Of the last save that succeeded, or is under way. */
  savedLevel = 0
  /** Calls that did not succeed: each may be charged once. */
  chargeable = 0
  /** The level on the disk when it was last started. */
  levelAtStart = -1
  /** Versions that it was seen to run, or rightly started from. */
  readonly seen = new Set<string>()
  /** What it was assigned by the last save, and whether that has changed since it was last started. */
  assigned: string | null = null
  reassigned = false
  /** What of this the save that is under way changes, as it was before it; and what it charged to failed calls. */
  private formerly = this.saved
  private charged = 0
  /** Commands that were not answered yet. */
  asked = 0

  constructor(spec: ContainerSpec) {
    this.spec = spec
    this.evidence = new ContainerEvidence(spec.name)
  }

  private get saved(): Pick<ContainerJournal, "assigned" | "reassigned" | "savedLevel"> {
    const { assigned, reassigned, savedLevel } = this
    return { assigned, reassigned, savedLevel }
  }

  /** A save begins. */
  remember(): void {
    this.formerly = this.saved
    this.charged = 0
  }

  /** That save failed, and what it was to say is decided anew. */
  recall(): void {
    Object.assign(this, this.formerly)
    this.chargeable += this.charged
  }

  /** Whether a call did not succeed that nothing was charged for yet: it is now. */
  charge(): boolean {
    if (this.chargeable === 0) return false
    this.chargeable--
    this.charged++
    return true
  }

  /** What a save is to say of it. */
  assign(image: string | null): void {
    if (image === this.assigned) return
    this.assigned = image
    this.reassigned = true
  }

  /** What a list makes evident of it; `whole` where it does not hang on what else the same look asks for. */
  shows({ id, state, version }: Evidence, at: number, whole: boolean): void {
    if (state === "Unknown") return
    if (version !== undefined) this.seen.add(version)
    const instance = state === "Running" ? id : ""
    // A leftover is one only once its look has ended well: where that fails, nothing was seen.
    if (state === "Absent" || (state === "Stopped" && !whole)) this.vanishes(at)
    else if (instance !== this.probed) this.becomes(instance, at)
    else this.returns()
  }

  private vanishes(at: number): void {
    if (this.runningSince === undefined) return
    this.ranBefore = { length: at - this.runningSince, until: at }
    this.vanishedSince = this.runningSince
    this.runningSince = undefined
  }

  /** What comes back under its id was never away, whatever lists said: its time and its probes go on. */
  private returns(): void {
    this.runningSince ??= this.vanishedSince
    this.vanishedSince = undefined
  }

  /** Another instance, or none where it is empty: the probes of the one before say nothing of it. */
  private becomes(instance: string, at: number): void {
    this.probes.forget(this.vanishedSince === undefined ? at : this.ranBefore.until)
    this.vanishes(at)
    this.vanishedSince = undefined
    this.runningSince = instance === "" ? undefined : at
    this.probed = instance
  }

  /** A new daemon, or none: what was shown before is not known to it. */
  forget(at: number): void {
    this.evidence.forget(at)
    this.becomes("", at)
    this.inFlight = undefined
    this.wordOfStop = 0
    this.asked = 0
    this.notBefore = undefined
  }

  /** Whether one instance had been shown to run, and to answer, for so long at any moment since then. */
  hasRunFor(length: number, now: number, since: number): boolean {
    const { ranBefore, runningSince } = this
    const ran = (runningSince !== undefined && now - runningSince >= length)
      || (ranBefore.until >= since && ranBefore.length >= length)
    return ran && (this.spec.probe === undefined || this.probes.wasHealthy(since))
  }
}
