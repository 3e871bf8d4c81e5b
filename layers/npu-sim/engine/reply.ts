/** How the engine answers: with a value, with a status, or later. */
import * as Either from "effect/Either"

import type { GrpcCode } from "../../../src/npu/wire.ts"

/**
 * A call that the NPU refuses: the gRPC status and its text. A plain value and
 * no Error, since a simulation makes a great many of them.
 */
export interface Refusal {
  readonly _tag: "Refusal"
  readonly code: GrpcCode
  readonly details: string
  /** What a server whose errors are in its answers says instead, as a number. */
  readonly inBand?: number
}

export type Answer<A> = Either.Either<A, Refusal>

/** An answer at once, or one that comes when the engine's time has moved on. */
export type Reply<A> = Answer<A> | Later<A>

export const refusal = (code: GrpcCode, details: string): Refusal => ({ _tag: "Refusal", code, details })

export const refuse = (code: GrpcCode, details: string): Either.Either<never, Refusal> =>
  Either.left(refusal(code, details))

export const done: Answer<void> = Either.right(undefined)

/**
 * An answer that is still to come. Settles once, synchronously, within an
 * operation of the engine; who gives up waiting undoes nothing by it.
 */
export class Later<A> {
  private answer: Answer<A> | undefined = undefined
  private readonly listeners = new Set<(answer: Answer<A>) => void>()

  settle(answer: Answer<A>): void {
    if (this.answer !== undefined) return
    this.answer = answer
    for (const listener of this.listeners) listener(answer)
    this.listeners.clear()
  }

  /** Calls back once, at once where the answer is there; returns how to stop listening. */
  onSettled(listener: (answer: Answer<A>) => void): () => void {
    if (this.answer !== undefined) {
      listener(this.answer)
      return () => undefined
    }
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}
