/**
 * The restart ladder: how long to wait before the next start of something that
 * keeps failing. Level 0 waits not at all; level 1 waits `base`, each further
 * level `factor` times more, up to `cap`; jitter spreads every wait by a share
 * either way. One level is paid back for each `payback` of running. There is no
 * last level: at the top it keeps trying at the slowest pace.
 */
import * as Schema from "effect/Schema"

import { Millis } from "./duration-text.ts"

export const Ladder = Schema.Struct({
  /** Milliseconds of level 1. */
  base: Millis,
  /** 1 to 10. */
  factor: Schema.Number.pipe(Schema.between(1, 10)),
  /** Milliseconds; the longest wait before jitter. */
  cap: Millis,
  /** 0 to 0.5: the share by which a wait may be shorter or longer. */
  jitter: Schema.Number.pipe(Schema.between(0, 0.5)),
  /** Milliseconds of running that pay one level back. */
  payback: Millis
})
export type Ladder = typeof Ladder.Type

/** The wait before jitter, in milliseconds. */
export const baseDelay = (ladder: Ladder, level: number): number =>
  level <= 0 ? 0 : Math.min(ladder.cap, ladder.base * ladder.factor ** (level - 1))

/** The wait in milliseconds; `random` is in [0, 1). */
export const delay = (ladder: Ladder, level: number, random: number): number =>
  Math.round(baseDelay(ladder, level) * (1 + ladder.jitter * (2 * random - 1)))

/** The first level whose wait is the longest: climbing further changes nothing. */
export const topLevel = (ladder: Ladder): number => {
  let level = 1
  while (level < 64 && baseDelay(ladder, level) < ladder.cap && ladder.factor > 1) level += 1
  return level
}

/** The level left of `level` after running for `ranFor` milliseconds. */
export const payBack = (ladder: Ladder, level: number, ranFor: number): number =>
  Math.max(0, level - paidTime(ladder, ranFor) / ladder.payback)

/** As much of `ranFor` milliseconds as pays whole levels back. */
export const paidTime = (ladder: Ladder, ranFor: number): number =>
  Math.floor(Math.max(0, ranFor) / ladder.payback) * ladder.payback
