/**
 * What a daemon could know of one container, judged from the lists that it was
 * shown and by the design's rules alone; nothing of the daemon's own code is in
 * here but the reading of a row.
 */
import type { ListContainerResponse } from "../../npu/messages.ts"
import { type ContainerRow, containerRow } from "../../npu/rows.ts"

export type Clear = "Running" | "Stopped" | "Absent"

export interface Evidence {
  readonly state: Clear | "Unknown"
  /** Of Running: which instance, and its version. */
  readonly id: string
  readonly version: string | undefined
}

const unknown: Evidence = { state: "Unknown", id: "", version: undefined }

/** Milliseconds: a second list asked later than this is not "at once". */
const atOnce = 15_000

/** Milliseconds between two lists of one look, at the most. */
export const sameLook = 120

export class ContainerEvidence {
  readonly name: string
  present: Evidence = unknown
  /** What was evident before, and until when; newest last. */
  private past: Array<{ readonly evidence: Evidence; readonly until: number }> = []
  /** Lists begun before this say nothing. */
  notBefore = Number.NEGATIVE_INFINITY
  /** When the last complete list without it ended. */
  private missedAt: number | undefined
  /** When the last complete list that showed it as UNSPECIFIED ended. */
  private unspecifiedAt: number | undefined
  /** When it was last shown to be a leftover: further lists of that look cannot say otherwise. */
  private leftoverAt: number | undefined

  constructor(name: string) {
    this.name = name
  }

  /** The daemon acted, or a new one began: what was known is of a world that is no more. */
  forget(at: number): void {
    this.notBefore = at
    this.past = []
    this.present = unknown
    this.missedAt = undefined
    this.unspecifiedAt = undefined
    this.leftoverAt = undefined
  }

  /** A list that failed. */
  blind(at: number): void {
    this.leftoverAt = undefined
    this.become(unknown, at)
  }

  /** A list failed that is asked for again: the look goes on. */
  goesOn(at: number): void {
    if (this.leftoverAt !== undefined) this.leftoverAt = at
  }

  /** A complete list: of all containers, or of the running ones. */
  listed(rows: ReadonlyArray<ContainerRow>, all: boolean, begun: number, ended: number): void {
    if (begun < this.notBefore) return
    const row = rows.find((candidate) => candidate.names.includes(this.name))
    if (!all) {
      if (row?.status === "RUNNING") this.become(running(row), ended)
      else if (row === undefined && this.unspecifiedAt !== undefined && begun >= this.unspecifiedAt) {
        this.become({ state: "Stopped", id: "", version: undefined }, ended)
        this.leftoverAt = ended
      }
      return
    }
    if (row?.status === "UNSPECIFIED" && this.leftoverAt !== undefined && begun - this.leftoverAt <= sameLook) return
    this.leftoverAt = undefined
    const missing = row === undefined || row.status === "NOT_FOUND"
    const confirmed = missing && this.missedAt !== undefined && begun >= this.missedAt &&
      begun - this.missedAt <= atOnce
    this.missedAt = missing ? ended : undefined
    this.unspecifiedAt = row?.status === "UNSPECIFIED" ? ended : undefined
    if (confirmed) this.become({ state: "Absent", id: "", version: undefined }, ended)
    else if (missing || row.status === "UNSPECIFIED") this.become(unknown, ended)
    else if (row.status === "RUNNING") this.become(running(row), ended)
    else this.become({ state: "Stopped", id: "", version: undefined }, ended)
  }

  /** Whether this was evident at any moment since then. */
  was(state: Clear, since: number, also: (evidence: Evidence) => boolean = () => true): boolean {
    const fits = (evidence: Evidence): boolean => evidence.state === state && also(evidence)
    return fits(this.present) || this.past.some(({ evidence, until }) => until >= since && fits(evidence))
  }

  /** Whether anything clear was evident at any moment since then. */
  wasClear(since: number): boolean {
    return this.present.state !== "Unknown"
      || this.past.some(({ evidence, until }) => until >= since && evidence.state !== "Unknown")
  }

  private become(evidence: Evidence, at: number): void {
    const { present } = this
    if (present.state === evidence.state && present.id === evidence.id && present.version === evidence.version) return
    this.past.push({ evidence: present, until: at })
    if (this.past.length > remembered) this.past.shift()
    this.present = evidence
  }
}

/** A daemon that lags behind by more changes than this has other troubles. */
const remembered = 64

const running = (row: ContainerRow): Evidence => ({ state: "Running", id: row.id, version: row.version })

/** Each row of a list as it was understood: the NPU gives the same one as long as nothing changes. */
const understood = new WeakMap<ListContainerResponse, ContainerRow | string>()

const understand = (raw: ListContainerResponse): ContainerRow | string => {
  const known = understood.get(raw)
  if (known !== undefined) return known
  const row = containerRow(raw)
  understood.set(raw, row)
  return row
}

/** Rows as they can be understood; undefined where one cannot. */
export const readRows = (rows: ReadonlyArray<ListContainerResponse>): ReadonlyArray<ContainerRow> | undefined => {
  const read: Array<ContainerRow> = []
  for (const raw of rows) {
    const row = understand(raw)
    if (typeof row === "string") return undefined
    read.push(row)
  }
  return read
}
