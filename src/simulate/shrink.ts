/**
 * Takes out of a plan what the violation does not need: delta debugging over the
 * faults, each try a whole run, until no single fault can go.
 */
import * as Effect from "effect/Effect"

import type { Plan } from "./fault.ts"
import type { Invariant, Violation } from "./oracle/violation.ts"
import { type Outcome, runPlan, type Setting } from "./run.ts"
import type { Simulator } from "./simulator.ts"

/** Runs at the most; a plan of a hundred faults takes some sixty. */
const patience = 300

/** Milliseconds that the violation may come later in a smaller plan. */
const slack = 600_000

/** The smallest plan found that breaks the same invariant, with how it ended. */
export const shrink = Effect.fnUntraced(function*(
  setting: Setting,
  plan: Plan,
  violation: Violation
): Effect.fn.Return<Outcome, never, Simulator> {
  let tries = 0
  const patient = (): boolean => tries < patience
  const attempt = Effect.fnUntraced(function*(smaller: Plan) {
    tries += 1
    const outcome = yield* runPlan(setting, smaller, undefined, violation.at + slack)
    return breaks(outcome, violation.invariant) ? outcome : undefined
  })
  let best = yield* attempt(plan.filter((fault) => fault.at <= violation.at))
  // What the whole run broke, its first part breaks as well; if not, the whole is the answer.
  best ??= yield* runPlan(setting, plan)
  let parts = 2
  while (best.plan.length > 1 && patient()) {
    const size = Math.ceil(best.plan.length / parts)
    let smaller: Outcome | undefined
    for (let from = 0; from < best.plan.length && smaller === undefined && patient(); from += size) {
      smaller = yield* attempt([...best.plan.slice(0, from), ...best.plan.slice(from + size)])
    }
    if (smaller !== undefined) {
      best = smaller
      parts = Math.max(2, parts - 1)
    } else if (size === 1) break
    else parts = Math.min(best.plan.length, parts * 2)
  }
  return best
})

const breaks = ({ violations }: Outcome, invariant: Invariant): boolean => violations[0]?.invariant === invariant
