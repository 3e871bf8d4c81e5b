/** One turn of the step function: memory as it changes, and what the turn yields. */
import type { EventBody, Severity } from "../model/event.ts"
import type { Durable, DurableContainer } from "./durable.ts"
import type { Action, Circumstances, Reply } from "./input.ts"
import {
  type ImageMemory,
  type Memory,
  type NpuMemory,
  recordOf,
  type UpgradeMemory,
  type Watched,
  watchedOf
} from "./memory.ts"
import { next } from "./random.ts"

/** Lives within one call of `step`; nothing outside ever sees it change. */
export class Turn {
  memory: Memory
  readonly now: Circumstances
  readonly events: Array<EventBody> = []
  readonly actions: Array<Action> = []
  readonly replies: Array<{ readonly id: number; readonly reply: Reply }> = []
  look = false

  // This turn's own copies: a look changes each container several times, and only the first change copies all.
  #watched: Record<string, Watched> | undefined
  #containers: Record<string, DurableContainer> | undefined

  constructor(memory: Memory, now: Circumstances) {
    this.memory = memory
    this.now = now
  }

  record(name: string): DurableContainer {
    return recordOf(this.memory, name)
  }

  watched(name: string): Watched {
    return watchedOf(this.memory, name)
  }

  /** Changes the durable record of a container; nothing is written where nothing differs. */
  setRecord(name: string, change: Partial<DurableContainer>): void {
    const record = this.record(name)
    const differs = this.memory.durable.containers[name] === undefined
      || Object.entries(change).some(([key, value]) => record[key] !== value)
    if (!differs) return
    if (this.#containers === undefined || this.#containers !== this.memory.durable.containers) {
      this.#containers = { ...this.memory.durable.containers }
      this.memory = { ...this.memory, durable: { ...this.memory.durable, containers: this.#containers } }
    }
    this.#containers[name] = { ...record, ...change }
  }

  setWatched(name: string, change: Partial<Watched>): void {
    const watched = { ...this.watched(name), ...change }
    if (this.#watched === undefined || this.#watched !== this.memory.watched) {
      this.#watched = { ...this.memory.watched }
      this.memory = { ...this.memory, watched: this.#watched }
    }
    this.#watched[name] = watched
  }

  /** Changes the durable part beside the containers' records. */
  setDurable(change: Partial<Omit<Durable, "containers" | "format" | "mono" | "random">>): void {
    const differs = Object.entries(change).some(([key, value]) => this.memory.durable[key] !== value)
    if (differs) this.memory = { ...this.memory, durable: { ...this.memory.durable, ...change } }
  }

  setUpgrade(change: Partial<UpgradeMemory>): void {
    const { upgrade } = this.memory
    const differs = Object.entries(change).some(([key, value]) => upgrade[key as keyof UpgradeMemory] !== value)
    if (differs) this.memory = { ...this.memory, upgrade: { ...upgrade, ...change } }
  }

  setNpu(change: Partial<NpuMemory>): void {
    this.memory = { ...this.memory, npu: { ...this.memory.npu, ...change } }
  }

  setImages(change: Partial<ImageMemory>): void {
    this.memory = { ...this.memory, images: { ...this.memory.images, ...change } }
  }

  say(severity: Severity, reason: string, message: string, container?: string): void {
    this.events.push({ severity, reason, message, ...(container === undefined ? {} : { container }) })
  }

  /** A number in [0, 1), from the generator in durable memory. */
  random(): number {
    const [value, state] = next(this.memory.durable.random)
    this.memory = { ...this.memory, durable: { ...this.memory.durable, random: state } }
    return value
  }

  /** An operation's id: no other life of the daemon gives the same. */
  operation(): string {
    const operations = this.memory.operations + 1
    this.memory = { ...this.memory, operations }
    return `op-${this.memory.life}-${operations}`
  }
}
