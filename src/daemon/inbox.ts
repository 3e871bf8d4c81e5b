/** What waits for the one fiber that takes it, in the order of its coming. */
import * as Effect from "effect/Effect"

import { Bell } from "../model/bell.ts"

/**
 * Like a bounded Queue with one taker, which may be interrupted and come again;
 * but to wait for an element costs a third, and that is what the decision loop
 * does before each turn.
 */
export class Inbox<A> {
  private readonly elements: Array<A> = []
  private readonly arrived = new Bell()
  private readonly room = Effect.unsafeMakeLatch(true)
  private readonly capacity: number

  constructor(capacity: number) {
    this.capacity = capacity
  }

  /** Waits while the inbox is full. */
  offer(element: A): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.elements.length >= this.capacity) return Effect.zipRight(this.room.await, this.offer(element))
      this.elements.push(element)
      if (this.elements.length === this.capacity) this.room.unsafeClose()
      this.arrived.ring()
      return Effect.void
    })
  }

  /** Waits until there is one. */
  readonly take: Effect.Effect<A> = Effect.suspend(() => {
    if (this.elements.length === 0) {
      this.arrived.silence()
      return Effect.zipRight(this.arrived.wait, this.take)
    }
    const element = this.elements.shift() as A
    this.room.unsafeOpen()
    return Effect.succeed(element)
  })
}
