/** What stands between a call and its backend: delays, silence, answers made up, answers lost. */
import * as Effect from "effect/Effect"

import type { MethodName } from "../../../src/npu/messages.ts"
import type { GrpcCode } from "../../../src/npu/wire.ts"
import { type Refusal, refusal } from "../engine/reply.ts"

/** A method's name, or `*` for all. */
export type MethodPattern = MethodName | "*"

/** Plain mutable data: what an administrator has set. */
export interface Gate {
  /** Calls are taken and never answered, nor acted on. */
  stalled: boolean
  /** Before each call is acted on, ms. */
  readonly delays: Map<MethodPattern, number>
  /** So many calls are refused without being acted on. */
  readonly failures: Map<MethodPattern, { code: GrpcCode; details: string; inBand?: number; left: number }>
  /** So many calls are acted on and never answered. */
  readonly lostAnswers: Map<MethodPattern, number>
  /** Calls taken since the start, by method. */
  readonly counts: Map<MethodName, number>
}

export const make = (): Gate => ({
  stalled: false,
  delays: new Map(),
  failures: new Map(),
  lostAnswers: new Map(),
  counts: new Map()
})

export const clear = (gate: Gate): void => {
  gate.stalled = false
  gate.delays.clear()
  gate.failures.clear()
  gate.lostAnswers.clear()
}

/** Acts on calls of the method so late; said of all, it takes the place of what was said of one. */
export const slow = (gate: Gate, method: MethodPattern, millis: number): void => {
  if (method === "*") gate.delays.clear()
  gate.delays.set(method, millis)
}

/** Passes a call on; a call that was let in is acted on whether or not its caller still waits. */
export const pass = <A, R>(
  gate: Gate,
  method: MethodName,
  act: Effect.Effect<A, Refusal, R>
): Effect.Effect<A, Refusal, R> =>
  Effect.suspend(() => {
    gate.counts.set(method, (gate.counts.get(method) ?? 0) + 1)
    if (gate.stalled) return Effect.never
    const failure = gate.failures.get(method) ?? gate.failures.get("*")
    if (failure !== undefined && failure.left > 0) {
      failure.left--
      const { code, details, inBand } = failure
      return Effect.fail({ ...refusal(code, details), ...(inBand === undefined ? {} : { inBand }) })
    }
    const delay = gate.delays.get(method) ?? gate.delays.get("*") ?? 0
    const delayed = delay === 0 ? act : Effect.zipRight(Effect.sleep(delay), act)
    return takeOne(gate.lostAnswers, method) ? Effect.zipRight(Effect.exit(delayed), Effect.never) : delayed
  })

const takeOne = (counts: Map<MethodPattern, number>, method: MethodName): boolean => {
  for (const pattern of [method, "*"] as const) {
    const left = counts.get(pattern) ?? 0
    if (left > 0) {
      counts.set(pattern, left - 1)
      return true
    }
  }
  return false
}
