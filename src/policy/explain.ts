/** What a policy comes to: the time line of its ladders and its table of calls, for people. */
import * as Schema from "effect/Schema"

import { errorClasses } from "./calls.ts"
import { baseDelay, delay, type Ladder, topLevel } from "./ladder.ts"
import type { Policy } from "./policy.ts"

/** The wait before one try after a failure; all times are milliseconds. */
export const Rung = Schema.Struct({
  level: Schema.Int,
  wait: Schema.Number,
  /** With jitter. */
  shortest: Schema.Number,
  longest: Schema.Number,
  /** From the first failure to this try, where each try fails at once; before jitter. */
  after: Schema.Number
})
export type Rung = typeof Rung.Type

/**
 * From the level at which the first failure is charged to the first of the
 * slowest pace; what comes later comes at that pace, for ever.
 */
export const timeLine = (ladder: Ladder, first: 0 | 1 = 0): ReadonlyArray<Rung> => {
  const rungs: Array<Rung> = []
  for (let level: number = first, after = 0; level <= topLevel(ladder); level += 1) {
    const wait = baseDelay(ladder, level)
    after += wait
    rungs.push({ level, wait, shortest: delay(ladder, level, 0), longest: delay(ladder, level, 1), after })
  }
  return rungs
}

/** One RPC: what it may take, and what follows from which class of error. */
export const CallRow = Schema.Struct({
  method: Schema.String,
  /** Milliseconds of one try; for Deploy without any progress. */
  deadline: Schema.Number,
  tries: Schema.Int,
  /** Milliseconds until the caller has an answer, at the longest; null for Deploy, which may go on. */
  longest: Schema.NullOr(Schema.Number),
  /** Classes of error after which it is tried again. */
  retried: Schema.Array(Schema.String),
  /** Classes of error after which it is read back before anything else. */
  readBack: Schema.Array(Schema.String)
})
export type CallRow = typeof CallRow.Type

export const callRows = (policy: Policy): ReadonlyArray<CallRow> =>
  Object.entries(policy.rpc).map(([method, call]) => {
    const after = (reaction: string): ReadonlyArray<string> => errorClasses.filter((name) => call.on[name] === reaction)
    if ("idle" in call) {
      return { method, deadline: call.idle, tries: 1, longest: null, retried: [], readBack: after("readBack") }
    }
    const { deadline } = call
    if (!("tries" in call)) {
      return { method, deadline, tries: 1, longest: deadline, retried: [], readBack: after("readBack") }
    }
    const { backoff, tries } = call
    const longest = tries * deadline + (tries - 1) * backoff
    return { method, deadline, tries, longest, retried: tries > 1 ? after("retry") : [], readBack: [] }
  })
