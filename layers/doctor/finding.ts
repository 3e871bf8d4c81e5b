/** How checks say what they found. */
import * as Effect from "effect/Effect"

import type { Finding } from "../../src/cli/doctor.ts"

export const ok = (check: string, message: string): Finding => ({ check, verdict: "ok", message })

export const warning = (check: string, message: string, cure: string): Finding => ({
  check,
  verdict: "warning",
  message,
  cure
})

export const failure = (check: string, message: string, cure: string): Finding => ({
  check,
  verdict: "failure",
  message,
  cure
})

export const notChecked = (check: string, why: string): Finding => ({ check, verdict: "not checked", message: why })

/** Whether what depends on it can be asked. */
export const stands = ({ verdict }: Finding): boolean => verdict === "ok" || verdict === "warning"

/** What the network may take, milliseconds: a midplane answers within one second. */
export const patience = 3000

/** A check that the network keeps waiting finds this. */
export const within = (late: () => Finding) => (check: Effect.Effect<Finding>): Effect.Effect<Finding> =>
  Effect.timeoutTo(check, { duration: patience, onSuccess: (finding) => finding, onTimeout: late })
