/**
 * The oracle: reads the trace as it grows and says what must not have happened.
 * It shares no judgement with the daemon; it reckons from what the daemon was
 * shown, from what the engine truly did, and from the policy's numbers.
 */
import type { ContainerSpec } from "../../model/catalogue.ts"
import type { Policy } from "../../policy/policy.ts"
import type { Call, Entry } from "../trace.ts"
import { isChange, sent } from "./actions.ts"
import type { ContainerJournal } from "./container-journal.ts"
import { readRows } from "./evidence.ts"
import { Containers, removing } from "./images.ts"
import { DpuJournal } from "./journal.ts"
import { Liveness } from "./liveness.ts"
import { asked, commanded, saving } from "./saves.ts"
import type { Report, Violation } from "./violation.ts"

export interface OracleOptions {
  readonly policy: Policy
  /** The containers of each DPU, by DPU. */
  readonly containers: ReadonlyArray<ReadonlyArray<ContainerSpec>>
  /** Milliseconds from the end of all faults to the end of the run. */
  readonly quiet: number
  /** Versions that cannot run: where there is no way back from one, nothing can. */
  readonly badVersions: ReadonlyArray<string>
  /** A repository of which no image is to be had. */
  readonly unobtainable: string
}

export class Oracle {
  readonly violations: Array<Violation> = []
  readonly dpus: ReadonlyArray<DpuJournal>
  private readonly policy: Policy
  /** Container → the instance that runs, and since when. */
  private readonly running = new Map<string, { readonly id: string; readonly since: number; readonly image: string }>()
  private readonly containers = new Containers()
  private readonly liveness: Liveness
  /** Servers without a list of containers that have been put in. */
  private unlisting = 0

  constructor(options: OracleOptions) {
    this.policy = options.policy
    this.dpus = options.containers.map((specs, dpu) => new DpuJournal(dpu, specs))
    this.liveness = new Liveness(this.dpus, options.quiet, new Set(options.badVersions), options.unobtainable)
  }

  see(entry: Entry): void {
    this.liveness.pass(
      entry.at,
      this.running,
      (invariant, dpu, container, message) => this.violations.push({ invariant, at: entry.at, dpu, container, message })
    )
    switch (entry._tag) {
      case "Engine":
        this.containers.see(entry)
        if (entry.what === "Started") {
          this.running.set(entry.container, { id: entry.id, since: entry.at, image: entry.image })
        } else if (this.running.get(entry.container)?.id === entry.id) this.running.delete(entry.container)
        return
      case "Up":
      case "Down":
        return this.upOrDown(entry)
      case "Called":
        return this.called(entry)
      case "Answered":
      case "Cancelled":
        return this.ended(entry)
      case "Probed":
        return this.dpus[entry.dpu]?.containers.get(entry.container)?.probes.answered(
          entry.result,
          entry.begun,
          entry.at
        )
      case "Connection":
        if (entry.event === "lost") {
          const journal = this.dpus[entry.dpu]!
          journal.breaks(entry.at)
          // While the NPU cannot be reached anyway, another loss is no news.
          if (journal.failures < this.policy.rpc.ListContainer.tries) journal.hinted(entry.at)
        }
        return
      case "Saving":
        saving(this.dpus[entry.dpu]!, entry, this.policy, this.reporter(entry.dpu, entry.at))
        return this.dpus[entry.dpu]!.saveBegins(entry.text, entry.at)
      case "Saved":
        return this.dpus[entry.dpu]!.saveEnds(entry.ok, entry.durable, entry.at)
      case "Commanded":
        return commanded(this.dpus[entry.dpu]!, entry, this.reporter(entry.dpu, entry.at))
      case "Said":
        return this.said(entry)
      case "Defect":
        return this.reporter(entry.dpu, entry.at)("NoDefect", "", entry.text)
      case "Version":
        return this.versionRead(entry)
      case "Quiet":
        return this.liveness.begin(entry.at)
      case "Asked":
        return asked(this.dpus[entry.dpu]!, entry)
      case "Fault":
        if (entry.fault._tag === "MemoryLost" && entry.phase === "begins") {
          this.dpus[entry.fault.dpu]!.memoryLost = true
        }
        if (
          entry.fault._tag === "ServerReplaced" && (entry.fault.lacks === "list" || entry.fault.lacks === "everything")
        ) {
          this.unlisting += entry.phase === "begins" ? 1 : -1
          for (const journal of this.dpus) journal.unlisted = true
        }
        if (entry.fault._tag === "OperatorUpgrades" && entry.fault.version !== null) {
          this.dpus[entry.fault.dpu]!.versions.add(entry.fault.version)
        }
        return
      case "Arrived":
        return
    }
  }

  private reporter(dpu: number, at: number): Report {
    return (invariant, container, message) =>
      this.violations.push({ invariant, at, dpu, container: container === "" ? undefined : container, message })
  }

  private upOrDown(entry: Extract<Entry, { _tag: "Up" | "Down" }>): void {
    const journal = this.dpus[entry.dpu]!
    journal.begins(entry._tag === "Up", entry.at)
    if (entry._tag === "Down") {
      if (entry.how === "died") this.reporter(entry.dpu, entry.at)("NoDefect", "", `the daemon died: ${entry.reason}`)
      return
    }
    journal.loads(entry.durable)
    const { memory } = journal
    for (const [name, container] of journal.containers) {
      // What was not durable is forgotten with the daemon: by the file, an earlier instance may have paid all levels back.
      if (journal.undurable) container.ladder = { ...container.ladder, level: 0, excused: true }
      const loaded = memory?.containers[name]
      container.savedLevel = loaded?.level ?? 0
      container.chargeable = 0
      // An attempt whose outcome the daemon did not live to note is nobody's charge.
      if (loaded === undefined || (loaded.due !== null && loaded.level <= container.levelAtStart)) {
        container.ladder.excused = true
      }
      container.ladder.level = Math.min(container.ladder.level, loaded?.level ?? 0)
      const desired = loaded?.desired ?? "running"
      if (journal.memoryLost) container.possible.add(desired)
      if (!container.possible.has(desired)) {
        this.reporter(entry.dpu, entry.at)(
          "IntentKept",
          name,
          `the disk says ${desired}, the operator was told ${container.desired}`
        )
      }
      container.possible.clear()
      container.possible.add(desired)
      container.desired = desired
    }
  }

  private called(entry: Extract<Entry, { _tag: "Called" }>): void {
    const { call } = entry
    const journal = this.dpus[call.dpu]!
    if (call.method === "ListContainer") {
      if (journal.lists > 0) {
        this.reporter(call.dpu, entry.at)("LooksInTurn", "", "a list was asked for while another was in flight")
      }
      journal.listBegins(entry.at)
      journal.hint = undefined
    } else if (isPulse(call)) journal.pulseBegins(entry.at)
    else if (call.method === "RemoveImage") {
      removing(journal, this.dpus, call, this.containers, this.policy, this.reporter(call.dpu, entry.at))
    } else if (isChange(call)) {
      const report = this.reporter(call.dpu, entry.at)
      this.liveness.acted(call, report)
      sent(journal, call, this.policy, { running: (name) => this.running.get(name) }, report)
    }
  }

  private ended(entry: Extract<Entry, { _tag: "Answered" | "Cancelled" }>): void {
    const { call } = entry
    const journal = this.dpus[call.dpu]!
    if (entry._tag === "Answered" && entry.images !== undefined) journal.imagesSeen = new Set(entry.images)
    if (call.method === "ListContainer") return this.listed(journal, entry)
    if (isPulse(call)) return this.pulsed(journal, entry)
    const container = journal.containers.get(call.container)
    if (container === undefined || container.inFlight?.number !== call.number) return
    container.inFlight = undefined
    // What was charged on evidence before, the next save that succeeds tells.
    if (journal.undurable && container.evidence.wasClear(journal.savedSince(entry.at))) container.chargeable++
    container.evidence.forget(entry.at)
    if (entry._tag === "Answered" && entry.error !== undefined) {
      container.chargeable++
      if (entry.error.origin === "local") journal.breaks(entry.at)
    }
    journal.hinted(entry.at)
  }

  /** In the place of lists: without an answer the NPU cannot be reached, at the first try. */
  private pulsed(journal: DpuJournal, entry: Extract<Entry, { _tag: "Answered" | "Cancelled" }>): void {
    if (journal.pulses === 0) return
    journal.pulseEnds(entry.at)
    if (entry._tag === "Cancelled") return
    // That it answers may be the clock's news alone: the next list shows whether a look knows it too.
    if (entry.error?.origin !== "local") return
    journal.failures = this.policy.rpc.ListContainer.tries
    journal.breaks(entry.at)
    for (const container of journal.containers.values()) {
      container.evidence.blind(entry.at)
      container.ladder.excused = true
      container.notBefore = undefined
    }
  }

  private listed(journal: DpuJournal, entry: Extract<Entry, { _tag: "Answered" | "Cancelled" }>): void {
    journal.listEnds(entry._tag === "Answered" && entry.error === undefined, entry.at)
    if (entry._tag === "Cancelled") return
    const rows = entry.rows === undefined ? undefined : readRows(entry.rows)
    if (rows === undefined) {
      journal.listFails(entry.error)
      const failed = journal.failuresInLook >= this.policy.rpc.ListContainer.tries
      // With its last try the look has ended, however soon the next one begins.
      if (failed) journal.failuresInLook = 0
      if (journal.failures < this.policy.rpc.ListContainer.tries) {
        for (const container of journal.containers.values()) container.evidence.goesOn(entry.at)
        return
      }
      journal.observes(false, entry.at, this.policy.upgrade.longestStep)
      for (const container of journal.containers.values()) {
        container.evidence.blind(entry.at)
        // An NPU that answers a status of its own is there; otherwise waits collapse when it is back.
        if (entry.error?.origin === "local") container.ladder.excused = true
      }
      if (entry.error?.origin === "local") {
        journal.breaks(entry.at)
        journal.loses()
        for (const container of journal.containers.values()) {
          container.notBefore = undefined
          if (failed) container.probes.listed(false, entry.call.begun)
        }
      }
      return
    }
    journal.forgetFailures()
    journal.finds(entry.at)
    journal.unlisted = this.unlisting > 0
    // Whoever was asked for a sign of life in the place of this one's lists is no longer there.
    if (!journal.unlisted) journal.pulses = 0
    for (const container of journal.containers.values()) {
      // What it was while an action is in flight, says nothing of what it will be.
      if (container.inFlight !== undefined) continue
      container.evidence.listed(rows, entry.call.all, entry.call.begun, entry.at)
      // It is there after all, or somebody has started it: no start of it is owed in this DPU's turn.
      if (container.evidence.present.state === "Running" && entry.call.begun > journal.rebootAt) {
        container.notBefore = undefined
      }
      container.shows(container.evidence.present, entry.at, entry.call.all)
      container.probes.listed(true, entry.call.begun)
    }
    journal.observes(true, entry.at, this.policy.upgrade.longestStep)
  }

  private said(entry: Extract<Entry, { _tag: "Said" }>): void {
    const journal = this.dpus[entry.dpu]!
    if (entry.event.reason === "StateUnreadable") {
      if (journal.memoryLost) return
      return this.reporter(entry.dpu, entry.at)("MemoryLoads", "", entry.event.message)
    }
    // The summary of a storm tells again what was concluded minutes ago.
    if (entry.event.reason !== "NpuRebooted" || entry.event.count !== undefined) return
    // The message tells who is gone first, and who was made anew by the NPU after that.
    const gone = entry.event.message.split("Made anew")[0] ?? ""
    const since = journal.decidedSince(entry.at)
    const named = [...journal.containers.values()].filter(({ spec }) => gone.includes(spec.name))
    const vanished = named.length >= 2 && entry.at - journal.rebootAt > this.policy.restart.payback
    const missing = ({ evidence, inFlight }: ContainerJournal): boolean =>
      inFlight !== undefined || evidence.was("Absent", since) || evidence.was("Stopped", since)
    if (!(vanished || journal.hadBroken(since)) || !named.every(missing)) {
      this.reporter(entry.dpu, entry.at)(
        "RebootSeen",
        "",
        `a reboot was concluded from nothing like it: ${entry.event.message}`
      )
    }
    journal.rebootAt = since
    for (const container of named) {
      // Its turn is reckoned from when that was decided: what it owes was saved before it was said.
      container.notBefore = journal.saveBegan + journal.dpu * this.policy.outage.staggerPerDpu - 50
    }
  }

  private versionRead(entry: Extract<Entry, { _tag: "Version" }>): void {
    const journal = this.dpus[entry.dpu]!
    journal.pastVersions.push({ version: journal.version, until: entry.at })
    if (journal.pastVersions.length > 8) journal.pastVersions.shift()
    if (entry.version === undefined) return
    journal.version = entry.version
    journal.versions.add(entry.version)
  }
}

/** What a look asks a server without a list of containers: for that by its oldest name, or for a sign of life. */
const isPulse = ({ method }: Call): boolean => method === "Time" || method === "List"
