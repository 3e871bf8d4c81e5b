/** The DPU's disk, with the daemon's one file on it: what `save` promises, and every way in which it may break it. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { StateStoreError, type StateStoreService } from "../../src/daemon/state-store.ts"
import { decode } from "../../src/decide/durable.ts"
import { initialUpgrade } from "../../src/decide/upgrade/record.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import type { KillPoint } from "../../src/simulate/fault.ts"
import type { Entry } from "../../src/simulate/trace.ts"
import type { ProcessScheduler } from "./scheduler.ts"
import type { SimulatedTime } from "./time.ts"

interface Ambush {
  readonly point: KillPoint
  /** Saves until then; 1 is the next. */
  readonly saves: number
  readonly spring: () => void
}

type Fields = Readonly<Record<string, unknown>>

/** The same memory without what the release before did not know. */
const asOlder = (text: string): string => {
  const { containers, ...fields } = JSON.parse(text) as Fields & {
    readonly containers: Readonly<Record<string, Fields>>
  }
  return JSON.stringify({
    ...Object.fromEntries(Object.entries(fields).filter(([key]) => !(key in initialUpgrade))),
    format: 1,
    containers: Object.fromEntries(Object.entries(containers).map(([name, record]) => [name, unassigned(record)]))
  })
}

/** Without what that release did not know. */
const unassigned = (record: Fields): Fields => {
  const { assigned: _assigned, paidFor: _paidFor, ...rest } = record
  return rest
}

export interface DiskOptions {
  readonly dpu: number
  readonly time: SimulatedTime
  readonly chance: Chance
  readonly record: (entry: Entry) => void
}

export class Disk {
  /** What a daemon started now would load. */
  text: string | undefined
  full = false
  /** The probability that a save fails half-way. */
  torn = 0
  /** Milliseconds more for each save. */
  delay = 0
  /** Each calls back once, at its point of a save that is still to come. */
  ambushes: ReadonlyArray<Ambush> = []
  private readonly options: DiskOptions

  constructor(options: DiskOptions) {
    this.options = options
  }

  /** The port as one daemon sees it; a save of a killed daemon goes no further. */
  store(process: ProcessScheduler): StateStoreService {
    return {
      location: `/host/offloader/dpu${this.options.dpu}`,
      load: Effect.sync(() => this.text),
      save: (text) =>
        Effect.async<void, StateStoreError>((resume) =>
          this.save(
            text,
            process,
            (error) => resume(error === undefined ? Effect.void : Effect.fail(new StateStoreError({ reason: error })))
          )
        ),
      setAside: Effect.sync(() => {
        this.text = undefined
        return `/host/offloader/dpu${this.options.dpu}.unreadable`
      })
    }
  }

  /** The file is gone, ends in the middle, has a word in it that nothing knows, or was last written by a release before upgrades. */
  lose(how: "gone" | "cut" | "odd" | "older"): void {
    const { text } = this
    if (text === undefined) return
    switch (how) {
      case "gone":
        this.text = undefined
        return
      case "cut":
        this.text = text.slice(0, text.length >> 1)
        return
      case "odd":
        this.text = text.replace(/"format": \d+/, "\"format\": \"?\"")
        return
      case "older":
        if (Either.isRight(decode(text, 0))) this.text = asOlder(text)
    }
  }

  private save(text: string, process: ProcessScheduler, end: (error: string | undefined) => void): void {
    const { chance, dpu, record, time } = this.options
    record({ _tag: "Saving", at: time.now, dpu, text })
    this.ambushes = this.ambushes.map((ambush) => ({ ...ambush, saves: ambush.saves - 1 }))
    const later = (millis: number, action: () => void): void => {
      time.after(millis, () => {
        if (process.alive) action()
      })
    }
    const finish = (error: string | undefined): void => {
      record({ _tag: "Saved", at: time.now, dpu, ok: error === undefined, durable: this.text })
      end(error)
    }
    // The temporary file is written, then it takes the old one's place, then the folder is synchronised.
    const breaks = this.torn > 0 && chance.hits(this.torn) ? chance.below(2) : undefined
    later(chance.between(0.1, 1) + this.delay, () => {
      if (this.spring("before")) return
      if (this.full) return finish("no space left on device")
      if (breaks === 0) return finish("input/output error while writing")
      this.text = text
      if (this.spring("between")) return
      later(chance.between(0.1, 1), () => {
        finish(breaks === 1 ? "input/output error while synchronising the folder" : undefined)
        this.spring("after")
      })
    })
  }

  private spring(point: KillPoint): boolean {
    const sprung = this.ambushes.find((ambush) => ambush.saves <= 0 && ambush.point === point)
    if (sprung === undefined) return false
    this.ambushes = this.ambushes.filter((ambush) => ambush !== sprung)
    sprung.spring()
    return true
  }
}
