/**
 * The trace of a run: everything that happened at the program's borders, in
 * order. Invariants, time line, coverage and hash are all made from it, so that
 * none of them sees more than the others. Times are simulated milliseconds.
 */
import type { Event } from "../model/event.ts"
import type { ListContainerResponse, MethodName } from "../npu/messages.ts"
import type { GrpcCode } from "../npu/wire.ts"
import type { Fault } from "./fault.ts"

/** How a call ended for the daemon that made it. */
export interface CallError {
  readonly code: GrpcCode
  readonly origin: "local" | "peer"
}

/** A call as the daemon sends it. */
export interface Call {
  readonly number: number
  readonly method: MethodName
  /** The instance name of StartContainer, StopContainer, RemoveContainer and Log; otherwise empty. */
  readonly container: string
  /** The image of StartContainer, Deploy and RemoveImage; otherwise empty. */
  readonly image: string
  readonly force: boolean
  /** ListContainer of all, not of the running ones only. */
  readonly all: boolean
  readonly dpu: number
  /** Counts the daemons of one DPU. */
  readonly life: number
  readonly begun: number
}

export type Entry =
  | {
    readonly _tag: "Fault"
    readonly at: number
    readonly index: number
    readonly fault: Fault
    readonly phase: "begins" | "ends"
  }
  /** `durable` is what it finds on the disk. */
  | {
    readonly _tag: "Up"
    readonly at: number
    readonly dpu: number
    readonly life: number
    readonly durable: string | undefined
  }
  | {
    readonly _tag: "Down"
    readonly at: number
    readonly dpu: number
    readonly life: number
    readonly how: "killed" | "stopped" | "died"
    readonly reason: string
  }
  | { readonly _tag: "Called"; readonly at: number; readonly call: Call }
  | { readonly _tag: "Arrived"; readonly at: number; readonly call: Call; readonly duplicate: boolean }
  | {
    readonly _tag: "Answered"
    readonly at: number
    readonly call: Call
    readonly error: CallError | undefined
    /** Of a ListContainer that ended with OK. */
    readonly rows: ReadonlyArray<ListContainerResponse> | undefined
    /** `repository:tag` of a ListImage that ended with OK. */
    readonly images: ReadonlyArray<string> | undefined
  }
  | { readonly _tag: "Cancelled"; readonly at: number; readonly call: Call }
  | {
    readonly _tag: "Probed"
    readonly at: number
    readonly dpu: number
    readonly container: string
    readonly begun: number
    readonly result: "Healthy" | "Unhealthy" | "Unknown"
  }
  | {
    readonly _tag: "Connection"
    readonly at: number
    readonly dpu: number
    readonly event: "connected" | "lost" | "closed"
  }
  | {
    readonly _tag: "Engine"
    readonly at: number
    readonly what: "Started" | "Exited" | "Removed"
    readonly container: string
    readonly id: string
    readonly image: string
  }
  | { readonly _tag: "Saving"; readonly at: number; readonly dpu: number; readonly text: string }
  /** `durable` is what a daemon started now would load. */
  | {
    readonly _tag: "Saved"
    readonly at: number
    readonly dpu: number
    readonly ok: boolean
    readonly durable: string | undefined
  }
  | {
    readonly _tag: "Commanded"
    readonly at: number
    readonly dpu: number
    readonly container: string
    readonly desired: "running" | "stopped"
    readonly phase: "asked" | "recorded" | "refused" | "lost"
  }
  /** What an operator asked for beside that, and what he was answered; undefined before the answer. */
  | {
    readonly _tag: "Asked"
    readonly at: number
    readonly dpu: number
    /** Of a retry; otherwise empty. */
    readonly container: string
    readonly what: string
    readonly answer: string | undefined
  }
  | { readonly _tag: "Said"; readonly at: number; readonly dpu: number; readonly event: Event }
  /** Something that the program itself calls an error of its own. */
  | { readonly _tag: "Defect"; readonly at: number; readonly dpu: number; readonly text: string }
  | { readonly _tag: "Version"; readonly at: number; readonly dpu: number; readonly version: string | undefined }
  | { readonly _tag: "Quiet"; readonly at: number }

/** A 53-bit hash of a trace, grown entry by entry. */
export class TraceHash {
  private high = 0x41c6ce57
  private low = 0xdeadbeef

  add(entry: Entry): void {
    this.text(entry._tag)
    this.number(entry.at)
    switch (entry._tag) {
      case "Fault":
        this.number(entry.index)
        return this.text(entry.phase)
      case "Up":
        return this.number(entry.dpu * 1000 + entry.life)
      case "Down":
        this.number(entry.dpu * 1000 + entry.life)
        return this.text(entry.how)
      case "Called":
      case "Cancelled":
        return this.call(entry.call)
      case "Arrived":
        this.number(entry.duplicate ? 1 : 0)
        return this.call(entry.call)
      case "Answered":
        this.call(entry.call)
        this.text(entry.error === undefined ? "OK" : entry.error.code)
        for (const row of entry.rows ?? []) this.row(row)
        return
      case "Probed":
        this.text(entry.container)
        return this.text(entry.result)
      case "Connection":
        return this.text(entry.event)
      case "Engine":
        this.text(entry.what)
        this.text(entry.id)
        return this.text(entry.image)
      case "Saving":
        return this.text(entry.text)
      case "Saved":
        return this.number(entry.ok ? 1 : 0)
      case "Commanded":
        this.text(entry.container)
        this.text(entry.desired)
        return this.text(entry.phase)
      case "Asked":
        this.text(entry.what)
        return this.text(entry.answer ?? "")
      case "Said":
        this.text(entry.event.reason)
        return this.text(entry.event.message)
      case "Defect":
        return this.text(entry.text)
      case "Version":
        return this.text(entry.version ?? "")
      case "Quiet":
        return
    }
  }

  /** Fourteen hexadecimal digits. */
  get digest(): string {
    const high = Math.imul(this.high ^ (this.high >>> 16), 0x85ebca6b) ^ (this.low >>> 13)
    const low = Math.imul(this.low ^ (this.low >>> 16), 0xc2b2ae35) ^ (this.high >>> 13)
    return ((high >>> 0) % 0x20_0000).toString(16).padStart(6, "0") + (low >>> 0).toString(16).padStart(8, "0")
  }

  private call(call: Call): void {
    this.number(call.number)
    this.text(call.method)
    this.text(call.container)
    this.text(call.image)
  }

  /** Summed up once for each: the NPU gives the same row as long as nothing changes. */
  private row(row: ListContainerResponse): void {
    let mark = marks.get(row)
    if (mark === undefined) {
      const own = new TraceHash()
      own.text(row.status)
      own.text(row.id)
      mark = [own.high, own.low]
      marks.set(row, mark)
    }
    this.word(mark[0])
    this.word(mark[1])
  }

  private number(value: number): void {
    // Microseconds, both halves of them.
    const micros = Math.round(value * 1000)
    this.word(micros | 0)
    this.word((micros / 4_294_967_296) | 0)
  }

  /** `word` for each code unit, on locals: whole memories go through here. */
  private text(value: string): void {
    let { high, low } = this
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index)
      high = Math.imul(high ^ unit, 2_654_435_761)
      low = Math.imul(low ^ unit, 1_597_334_677)
    }
    this.high = high
    this.low = low
  }

  private word(value: number): void {
    this.high = Math.imul(this.high ^ value, 2_654_435_761)
    this.low = Math.imul(this.low ^ value, 1_597_334_677)
  }
}

const marks = new WeakMap<ListContainerResponse, readonly [high: number, low: number]>()

/** One line for people, or undefined where nobody would want to read it. */
export const line = (entry: Entry): string | undefined => {
  const text = textOf(entry)
  return text === undefined ? undefined : `${moment(entry.at)}  ${text}`
}

/** `h:mm:ss.mmm` since the run began. */
export const moment = (at: number): string => {
  const millis = Math.floor(at)
  const two = (value: number): string => String(value).padStart(2, "0")
  return `${Math.floor(millis / 3_600_000)}:${two(Math.floor(millis / 60_000) % 60)}:${
    two(Math.floor(millis / 1000) % 60)
  }.${String(millis % 1000).padStart(3, "0")}`
}

const textOf = (entry: Entry): string | undefined => {
  switch (entry._tag) {
    case "Fault":
      return `fault ${entry.index} ${entry.phase}: ${entry.fault._tag}${subjectOf(entry.fault)}`
    case "Up":
      return `dpu${entry.dpu}  daemon ${entry.life} starts`
    case "Down":
      return `dpu${entry.dpu}  daemon ${entry.life} ${entry.how}${entry.reason === "" ? "" : `: ${entry.reason}`}`
    case "Called":
      return isQuiet(entry.call) ? undefined : `dpu${entry.call.dpu}  → ${callText(entry.call)}`
    case "Arrived":
      return isQuiet(entry.call) ? undefined : `npu   ⇢ ${callText(entry.call)}${entry.duplicate ? " once more" : ""}`
    case "Answered":
      return isQuiet(entry.call) && entry.error === undefined
        ? undefined
        : `dpu${entry.call.dpu}  ← ${callText(entry.call)}: ${
          entry.error === undefined ? "OK" : `${entry.error.code} (${entry.error.origin})`
        }`
    case "Cancelled":
      return `dpu${entry.call.dpu}  × ${callText(entry.call)}`
    case "Probed":
      return entry.result === "Healthy" ? undefined : `dpu${entry.dpu}  probe of ${entry.container}: ${entry.result}`
    case "Connection":
      return `dpu${entry.dpu}  connection ${entry.event}`
    case "Engine":
      return `npu   ${entry.container} ${entry.what.toLowerCase()} (${entry.id.slice(0, 8)}, ${entry.image})`
    case "Saving":
      return undefined
    case "Saved":
      return entry.ok ? undefined : `dpu${entry.dpu}  memory could not be saved`
    case "Commanded":
      return `dpu${entry.dpu}  operator: ${entry.container} ${entry.desired}: ${entry.phase}`
    case "Asked":
      return `dpu${entry.dpu}  operator: ${entry.what}${entry.answer === undefined ? "" : `: ${entry.answer}`}`
    case "Said":
      return `dpu${entry.dpu}  ${entry.event.severity} ${entry.event.reason}: ${entry.event.message}`
    case "Defect":
      return `dpu${entry.dpu}  DEFECT ${entry.text}`
    case "Version":
      return `dpu${entry.dpu}  version ${entry.version ?? "unreadable"}`
    case "Quiet":
      return "all faults have ended"
  }
}

const subjectOf = (fault: Fault): string =>
  "container" in fault ? ` of ${fault.container}` : "dpu" in fault ? ` of dpu${fault.dpu}` : ""

const isQuiet = (call: Call): boolean => call.method === "ListContainer" || call.method === "ListImage"

const callText = (call: Call): string =>
  `${call.method} ${call.container}${call.image === "" ? "" : ` ${call.image}`}${
    call.force ? " by force" : ""
  } #${call.number}`
