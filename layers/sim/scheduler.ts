/**
 * A synchronous Effect Scheduler whose order the seed decides. Each simulated
 * process (a daemon, the world) has one; all share one queue. A process that is
 * killed never runs again: no finalizer, no further step, as with kill -9.
 */
import type { RuntimeFiber } from "effect/Fiber"
import type { Scheduler } from "effect/Scheduler"

import type { Chance } from "../../src/simulate/chance.ts"
import type { Runnable } from "./time.ts"

interface Entry {
  readonly process: ProcessScheduler
  readonly task: () => void
}

export interface Perturbation {
  /** How often, of all choices, another than the longest waiting task is taken; 0 to 1. */
  readonly reorder: number
  /** Operations that a fiber runs, in the mean, before it lets others run. */
  readonly operations: number
}

/** Tasks of all processes. */
export class TaskQueue implements Runnable {
  private entries: Array<Entry> = []
  private head = 0
  private readonly chance: Chance
  readonly perturbation: Perturbation
  /** Steps taken since the run began. */
  steps = 0
  /** Calls back before the step of this number; Infinity for never. */
  private interruptAt = Number.POSITIVE_INFINITY
  private interrupt: () => void = () => undefined

  constructor(chance: Chance, perturbation: Perturbation) {
    this.chance = chance
    this.perturbation = perturbation
  }

  push(process: ProcessScheduler, task: () => void): void {
    this.entries.push({ process, task })
  }

  runAll(): boolean {
    const { entries } = this
    if (this.head === entries.length) return false
    while (this.head < entries.length) {
      if (this.perturbation.reorder > 0) this.reorder()
      const { process, task } = entries[this.head]!
      this.head++
      if (this.steps++ >= this.interruptAt) this.fireInterrupt()
      if (process.alive) task()
    }
    entries.length = 0
    this.head = 0
    return true
  }

  /** How many operations the next fiber that lets others run will have run. */
  yieldAt(): number {
    return 1 + this.chance.below(2 * this.perturbation.operations)
  }

  /** Calls back after so many more steps, in the midst of whatever is going on then. */
  interruptAfter(steps: number, action: () => void): void {
    if (this.interruptAt !== Number.POSITIVE_INFINITY) this.fireInterrupt()
    this.interruptAt = this.steps + steps
    this.interrupt = action
  }

  private fireInterrupt(): void {
    const { interrupt } = this
    this.interruptAt = Number.POSITIVE_INFINITY
    this.interrupt = () => undefined
    interrupt()
  }

  private reorder(): void {
    const { entries } = this
    const waiting = entries.length - this.head
    if (waiting < 2 || !this.chance.hits(this.perturbation.reorder)) return
    const other = this.head + this.chance.below(waiting)
    const chosen = entries[other]!
    entries[other] = entries[this.head]!
    entries[this.head] = chosen
  }
}

export class ProcessScheduler implements Scheduler {
  alive = true
  private readonly queue: TaskQueue
  private yieldAt: number

  constructor(queue: TaskQueue) {
    this.queue = queue
    this.yieldAt = queue.yieldAt()
  }

  shouldYield(fiber: RuntimeFiber<unknown, unknown>): number | false {
    if (fiber.currentOpCount < this.yieldAt) return false
    this.yieldAt = this.queue.yieldAt()
    return 0
  }

  scheduleTask(task: () => void): void {
    if (this.alive) this.queue.push(this, task)
  }

  /** kill -9. */
  kill(): void {
    this.alive = false
  }
}
