/** The numbers of upgrades: when a set is good, when it has failed, what is kept and for how long. */
import * as Schema from "effect/Schema"

import { Millis } from "./duration-text.ts"
import { baseDelay, type Ladder } from "./ladder.ts"

export const Upgrade = Schema.Struct({
  /** How long a service must be observed Running and answering, without a break, before the next is switched. */
  gate: Millis,
  /** Over so many looks at the least, 1 to 1000. */
  gateLooks: Schema.Int.pipe(Schema.between(1, 1000)),
  /** How long the whole set must be observed Running after its last gate before it is committed. */
  probation: Millis,
  /** A set fails at so many crashes, restarts and failed starts of one member, 1 to 100, or before its switch so many transfers in vain; until the commit. */
  restarts: Schema.Int.pipe(Schema.between(1, 100)),
  /** A set fails once one member has been observed Running without answering for so long in all. */
  unhealthyFor: Millis,
  /** So many failed transfers of one image, 1 to 100, and the upgrade is said to be refused; it is tried on at the slowest pace of `transfer`. */
  stageTries: Schema.Int.pipe(Schema.between(1, 100)),
  /** Between two looks at most this time counts as observed: a longer gap shows nothing. */
  longestStep: Millis,
  /** Observed time is written to the memory at this step; at most so much is observed again after a restart. */
  saveEvery: Millis,
  /** An image is pruned when every DPU seen on the NPU has run a newer set for this time. */
  pruneAge: Millis
})
export type Upgrade = typeof Upgrade.Type

/**
 * The defaults. Gate: a SONiC service that dies of a bad start does so within seconds.
 * Probation: Kubernetes forgets a crash loop after ten minutes of running.
 */
export const defaultUpgrade: Upgrade = {
  gate: 10_000,
  gateLooks: 3,
  probation: 600_000,
  restarts: 3,
  unhealthyFor: 60_000,
  stageTries: 3,
  longestStep: 15_000,
  saveEvery: 10_000,
  pruneAge: 86_400_000
}

/** What contradicts itself or cannot be reached, a sentence each. */
export const upgradeFaults = (upgrade: Upgrade, restart: Ladder, lookPeriod: number): ReadonlyArray<string> => {
  const faults: Array<string> = []
  for (const name of ["gate", "probation", "unhealthyFor", "saveEvery", "pruneAge"] as const) {
    if (upgrade[name] <= 0) faults.push(`upgrade.${name}: must be longer than nothing`)
  }
  if (upgrade.unhealthyFor > upgrade.probation) {
    faults.push("upgrade.unhealthyFor: is never reached within upgrade.probation")
  }
  let waits = 0
  for (let level = 0; level < upgrade.restarts; level += 1) waits += baseDelay(restart, level)
  if (waits > upgrade.probation) {
    faults.push("upgrade.restarts: so many restarts do not happen within upgrade.probation, by the ladder of restart")
  }
  if (upgrade.longestStep <= lookPeriod) {
    faults.push("upgrade.longestStep: must be longer than monitoring.period, or nothing is ever observed in full")
  }
  if (upgrade.saveEvery > upgrade.probation) {
    faults.push("upgrade.saveEvery: is longer than upgrade.probation, so that a restart would begin it anew every time")
  }
  return faults
}
