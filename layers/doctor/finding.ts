/** How checks say what they found. */
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
