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

/** What a system call failed with, in one word where it has one. */
export const codeOf = (error: unknown): string =>
  error instanceof Error ? (error as NodeJS.ErrnoException).code ?? error.message : String(error)

export type Tell = (finding: Finding) => Effect.Effect<Finding>

/**
 * Runs these checks, which tell what they find. One that fails inside is a failure of its own; those after it are
 * said not to be checked, and whatever is no part of this row goes on.
 */
export const row = <A, E, R>(
  checks: ReadonlyArray<string>,
  tell: Tell,
  run: (tell: Tell) => Effect.Effect<A, E, R>
): Effect.Effect<A | undefined, E, R> =>
  Effect.suspend(() => {
    let left = checks
    const noting: Tell = (finding) =>
      Effect.suspend(() => {
        left = left.filter((check) => check !== finding.check)
        return tell(finding)
      })
    return Effect.catchAllDefect(run(noting), (defect) => {
      const [failed = checks.at(-1)!, ...rest] = left
      return Effect.as(
        Effect.forEach([
          failure(
            failed,
            `the check failed inside, which it never should: ${
              defect instanceof Error ? defect.message : String(defect)
            }`,
            "try again as root; where it fails there as well, it is a fault of offloadctl's: report it"
          ),
          ...rest.map((check) => notChecked(check, `the check "${failed}" failed inside`))
        ], tell),
        undefined
      )
    })
  })

/** Whether what depends on it can be asked. */
export const stands = ({ verdict }: Finding): boolean => verdict === "ok" || verdict === "warning"

/** What the network may take, milliseconds: a midplane answers within one second. */
export const patience = 3000

/** A check that the network keeps waiting finds this. */
export const within = (late: () => Finding) => (check: Effect.Effect<Finding>): Effect.Effect<Finding> =>
  Effect.timeoutTo(check, { duration: patience, onSuccess: (finding) => finding, onTimeout: late })
