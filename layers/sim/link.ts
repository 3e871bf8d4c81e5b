/** The way from one DPU to the NPU: what is wrong with it now, and the calls that are on it. */
import type { Chance } from "../../src/simulate/chance.ts"
import type { Fault } from "../../src/simulate/fault.ts"
import type { Connection } from "../npu-sim/wire.ts"

type Sharing = Extract<Fault, { readonly share: number }>["_tag"]

/** `reset` refuses at once; the others swallow what goes one way or both. */
export type Cut = "reset" | "silent" | "toNpu" | "fromNpu"

/** A call that has not ended for the daemon that made it. */
export interface OpenCall {
  readonly breakOff: (reason: string) => void
  /** Nothing comes through any more: an upload stalls. */
  readonly stall: () => void
  /** The daemon that made it is no more. */
  readonly abandon: () => void
}

interface Share {
  readonly share: number
  readonly chance: Chance
  /** Milliseconds, of slow replies. */
  readonly delay: number
}

export class Link {
  readonly calls = new Set<OpenCall>()
  /** The hand on the present daemon's connection. */
  connection: Connection | undefined
  private readonly cuts: Array<Cut> = []
  private readonly shares = new Map<Sharing, Array<Share>>()
  /** Called when a cut ended. */
  private readonly waiting: Array<() => void> = []

  cut(how: Cut): void {
    this.cuts.push(how)
    if (how === "reset") this.reset("the connection was reset")
    else for (const call of [...this.calls]) call.stall()
  }

  mend(how: Cut): void {
    const index = this.cuts.indexOf(how)
    if (index >= 0) this.cuts.splice(index, 1)
    if (!this.cuts.includes("reset")) this.connection?.restore()
    for (const action of this.waiting.splice(0)) action()
  }

  /** Breaks what is under way; calls go through again at once unless the link is cut. */
  reset(reason: string): void {
    this.connection?.disconnect(reason)
    for (const call of [...this.calls]) call.breakOff(reason)
    if (!this.cuts.includes("reset")) this.connection?.restore()
  }

  /** A daemon connects anew. */
  attach(connection: Connection): void {
    this.connection = connection
    if (this.cuts.includes("reset")) connection.disconnect("the connection was refused")
  }

  get refuses(): boolean {
    return this.cuts.includes("reset")
  }
  get swallowsRequests(): boolean {
    return this.cuts.length > 0 && this.cuts.some((how) => how !== "fromNpu")
  }
  get swallowsReplies(): boolean {
    return this.cuts.length > 0 && this.cuts.some((how) => how !== "toNpu")
  }

  /** The daemon is killed: its calls end, what they asked for may still happen. */
  abandonAll(): void {
    for (const call of [...this.calls]) call.abandon()
    this.connection = undefined
  }

  whenMended(action: () => void): void {
    this.waiting.push(action)
  }

  begin(kind: Sharing, share: Share): void {
    this.shares.set(kind, [...this.shares.get(kind) ?? [], share])
  }

  end(kind: Sharing, share: Share): void {
    const left = (this.shares.get(kind) ?? []).filter((other) => other !== share)
    if (left.length === 0) this.shares.delete(kind)
    else this.shares.set(kind, left)
  }

  /** Whether a call is hit by a fault of this kind, and by which. */
  hit(kind: Sharing): Share | undefined {
    return this.shares.size === 0 ? undefined : this.shares.get(kind)?.find((share) => share.chance.hits(share.share))
  }
}
