/**
 * Simulated time: a heap of what will happen, and a queue of what can happen
 * now. Time moves only when nothing can happen now, and then straight to the
 * next thing, so that a run takes as long as its work and no longer.
 */
export interface Timer {
  /** Milliseconds of simulated time. */
  readonly at: number
  readonly order: number
  action: (() => void) | undefined
}

/** Runs until its queue is empty; returns whether it ran anything. */
export interface Runnable {
  readonly runAll: () => boolean
}

export class SimulatedTime {
  /** Milliseconds since the run began; in whole microseconds. */
  now = 0
  private readonly heap: Array<Timer> = []
  private ordered = 0
  private live = 0

  /** Equal times happen in the order in which they were set. */
  at(time: number, action: () => void): Timer {
    const at = Math.max(this.now, Math.round(time * 1000) / 1000)
    const timer: Timer = { at, order: this.ordered++, action }
    this.live++
    this.push(timer)
    return timer
  }

  after(millis: number, action: () => void): Timer {
    return this.at(this.now + millis, action)
  }

  cancel(timer: Timer): void {
    if (timer.action === undefined) return
    timer.action = undefined
    this.live--
    // Cancelled timers stay in the heap until they are due, unless they are most of it.
    if (this.heap.length > 1024 && this.live * 4 < this.heap.length) this.sweep()
  }

  /** Lets everything happen up to and including `until`, or until `stopped` says so. */
  run(until: number, tasks: Runnable, stopped: () => boolean): void {
    tasks.runAll()
    for (let timer = this.heap[0]; timer !== undefined; timer = this.heap[0]) {
      if (stopped()) return
      if (timer.at > until) break
      this.pop()
      const { action } = timer
      if (action === undefined) continue
      timer.action = undefined
      this.live--
      this.now = timer.at
      action()
      tasks.runAll()
    }
    if (!stopped()) this.now = Math.max(this.now, until)
  }

  private push(timer: Timer): void {
    const { heap } = this
    let index = heap.length
    heap.push(timer)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!before(timer, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = timer
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()!
    if (heap.length > 0) this.sink(last, 0)
  }

  private sink(timer: Timer, from: number): void {
    const { heap } = this
    let index = from
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, timer)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = timer
  }

  private sweep(): void {
    const kept = this.heap.filter((timer) => timer.action !== undefined)
    this.heap.length = 0
    for (const timer of kept) this.push(timer)
  }
}

const before = (left: Timer, right: Timer): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order)
