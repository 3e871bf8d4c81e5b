/** The policy in force and what it comes to. */
import * as Schema from "effect/Schema"

import { CallRow, callRows, Rung, timeLine } from "../policy/explain.ts"
import { Policy } from "../policy/policy.ts"
import { apiVersion } from "./views.ts"

export const PolicyView = Schema.Struct({
  apiVersion: Schema.Literal(apiVersion),
  /** As a policy file would say it, complete. */
  policy: Policy,
  calls: Schema.Array(CallRow),
  /** The waits of each ladder, rung by rung; milliseconds. */
  ladders: Schema.Struct({
    restart: Schema.Array(Rung),
    transfer: Schema.Array(Rung),
    hints: Schema.Array(Rung)
  })
})
export type PolicyView = typeof PolicyView.Type

export const policyView = (policy: Policy): PolicyView => ({
  apiVersion,
  policy,
  calls: callRows(policy),
  ladders: {
    // A start that fails for the first time is tried again at once; a transfer or a log never is.
    restart: timeLine(policy.restart),
    transfer: timeLine(policy.transfer, 1),
    hints: timeLine(policy.hints, 1)
  }
})
