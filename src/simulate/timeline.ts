/**
 * A run as a picture: lanes for the faults, and for each DPU its link, its
 * daemon and its containers. Gathered from the trace, as spans and marks; drawn
 * by `timeline-page.ts`.
 */
import { describe, type Fault, isLasting } from "./fault.ts"
import type { Entry } from "./trace.ts"

/** Something that lasts, in milliseconds; `kind` names its colour. */
export interface Span {
  readonly lane: string
  readonly from: number
  readonly to: number
  readonly kind: string
  readonly text: string
}

export interface Mark {
  readonly lane: string
  readonly at: number
  readonly kind: string
  readonly text: string
}

export interface Picture {
  readonly lanes: ReadonlyArray<string>
  readonly spans: ReadonlyArray<Span>
  readonly marks: ReadonlyArray<Mark>
  /** Milliseconds. */
  readonly length: number
}

interface Open {
  readonly from: number
  readonly kind: string
  readonly text: string
}

export class Timeline {
  private readonly lanes: Array<string> = []
  private readonly spans: Array<Span> = []
  private readonly marks: Array<Mark> = []
  private readonly open = new Map<string, Open>()
  private readonly owners = new Map<string, number>()
  private readonly failing = new Map<number, boolean>()
  private readonly instances = new Map<string, string>()
  private last = 0

  /** `containers`: the names of each DPU's, by DPU. */
  constructor(containers: ReadonlyArray<ReadonlyArray<string>>) {
    this.lanes.push("faults", "NPU")
    containers.forEach((names, dpu) => {
      this.lanes.push(`dpu${dpu} link`, `dpu${dpu} daemon`, ...names)
      for (const name of names) this.owners.set(name, dpu)
    })
  }

  add(entry: Entry): void {
    this.last = entry.at
    switch (entry._tag) {
      case "Fault":
        return this.fault(entry.fault, entry.index, entry.phase, entry.at)
      case "Up":
        return this.turn(`dpu${entry.dpu} daemon`, { from: entry.at, kind: "runs", text: `daemon ${entry.life}` })
      case "Down":
        this.turn(`dpu${entry.dpu} daemon`, undefined, entry.at)
        return this.mark(`dpu${entry.dpu} daemon`, entry.at, "bad", `daemon ${entry.life} ${entry.how} ${entry.reason}`)
      case "Engine":
        return this.engine(entry)
      case "Called":
        return this.called(entry)
      case "Answered":
        if (entry.call.method === "ListContainer") this.listed(entry.call.dpu, entry.error !== undefined, entry.at)
        return
      case "Commanded":
        if (entry.phase !== "asked") {
          this.mark(entry.container, entry.at, "operator", `operator: ${entry.desired} (${entry.phase})`)
        }
        return
      case "Asked":
        if (entry.answer === undefined || entry.container === "") return
        return this.mark(entry.container, entry.at, "operator", `operator: ${entry.what}: ${entry.answer}`)
      case "Said":
        return this.said(entry)
      case "Quiet":
        return this.mark("faults", entry.at, "good", "all faults have ended")
      default:
        return
    }
  }

  violation(at: number, container: string | undefined, dpu: number, text: string): void {
    this.mark(container ?? `dpu${dpu} daemon`, at, "violation", text)
  }

  picture(): Picture {
    for (const lane of [...this.open.keys()]) this.turn(lane, undefined, this.last)
    const lanes = this.lanes.filter((lane) =>
      this.spans.some((span) => span.lane === lane) || this.marks.some((mark) => mark.lane === lane)
    )
    return { lanes, spans: this.spans, marks: this.marks, length: this.last }
  }

  /** Ends what a lane shows and begins something else. */
  private turn(lane: string, next: Open | undefined, at: number = next?.from ?? this.last): void {
    const before = this.open.get(lane)
    if (before !== undefined) this.spans.push({ lane, from: before.from, to: at, kind: before.kind, text: before.text })
    if (next === undefined) this.open.delete(lane)
    else this.open.set(lane, next)
  }

  private mark(lane: string, at: number, kind: string, text: string): void {
    this.marks.push({ lane, at, kind, text })
  }

  private fault(fault: Fault, index: number, phase: "begins" | "ends", at: number): void {
    if (phase === "ends") return
    const text = `${index}: ${describe(fault)}`
    const lane = laneOf(fault)
    if (isLasting(fault)) this.spans.push({ lane, from: at, to: at + fault.length, kind: "fault", text })
    else if (fault._tag === "NpuReboot") {
      this.spans.push({ lane: "NPU", from: at, to: at + fault.downFor, kind: "down", text })
    } else this.mark(lane, at, fault._tag.startsWith("Operator") ? "operator" : "fault", text)
  }

  private engine({ at, container, id, image, what }: Extract<Entry, { _tag: "Engine" }>): void {
    if (!this.owners.has(container)) return
    if (what === "Started") {
      this.instances.set(container, id)
      return this.turn(container, { from: at, kind: "runs", text: `${image} (${id.slice(0, 8)})` })
    }
    if (this.instances.get(container) !== id) return
    this.turn(container, what === "Exited" ? { from: at, kind: "stopped", text: "stopped" } : undefined, at)
  }

  private called({ at, call }: Extract<Entry, { _tag: "Called" }>): void {
    switch (call.method) {
      case "StartContainer":
        return this.mark(call.container, at, "start", `start ${call.image}`)
      case "StopContainer":
        return this.mark(call.container, at, "stop", call.force ? "stop by force" : "stop")
      case "RemoveContainer":
        return this.mark(call.container, at, "remove", "remove the leftover")
      case "Deploy":
        return this.mark(`dpu${call.dpu} daemon`, at, "deploy", `deploy ${call.image}`)
      default:
        return
    }
  }

  private listed(dpu: number, failed: boolean, at: number): void {
    if (this.failing.get(dpu) === failed) return
    this.failing.set(dpu, failed)
    this.turn(`dpu${dpu} link`, {
      from: at,
      kind: failed ? "down" : "runs",
      text: failed ? "looks fail" : "looks come"
    })
  }

  private said({ at, dpu, event }: Extract<Entry, { _tag: "Said" }>): void {
    if (event.severity === "info" || (event.severity === "notice" && event.reason !== "Contested")) return
    const lane = event.container !== undefined && this.owners.has(event.container)
      ? event.container
      : `dpu${dpu} daemon`
    this.mark(lane, at, "said", `${event.reason}: ${event.message}`)
  }
}

const laneOf = (fault: Fault): string => {
  if ("container" in fault) return fault.container
  if (!("dpu" in fault)) return /^(?:Janitor|Npu|ServerReplaced)/.test(fault._tag) ? "NPU" : "faults"
  return onLink.has(fault._tag) ? `dpu${fault.dpu} link` : `dpu${fault.dpu} daemon`
}

const onLink: ReadonlySet<Fault["_tag"]> = new Set([
  "ServerFaults",
  "LinkCut",
  "Unresponsive",
  "IdleGoaway",
  "SlowReplies",
  "LostRequests",
  "LostReplies",
  "BrokenReplies",
  "DuplicatedRequests",
  "PartialLists",
  "ProbesLost"
])
