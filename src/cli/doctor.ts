/** `offloadctl doctor`: everything that has to be right between this DPU and its NPU, asked in order. Needs no daemon. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import { ExitCode } from "./exit-code.ts"
import { Usage } from "./problem.ts"
import { type Format, print, printJson, Screen } from "./screen.ts"
import { type Colour, paint, plain } from "./text.ts"

/** What one check found. */
export interface Finding {
  /** A few words: `TCP`, `state folder`. */
  readonly check: string
  readonly verdict: "ok" | "warning" | "failure" | "not checked"
  /** A sentence: what was found, or why nothing was. */
  readonly message: string
  /** What to do about it. */
  readonly cure?: string
}

/** The options given to it make no sense; `message` is a sentence. */
export class DoctorError extends Data.TaggedError("DoctorError")<{ readonly message: string }> {}

/** The checks are loaded only when they are asked for. */
export class Doctor extends Context.Tag("offloadctl/Doctor")<Doctor, {
  /** `options` as on offloadd's command line. Findings come as they are made, in order, and all of them. */
  readonly examine: (options: ReadonlyArray<string>) => Stream.Stream<Finding, DoctorError>
}>() {}

export interface DoctorOptions {
  readonly options: ReadonlyArray<string>
  readonly output: Format
}

/** Exits 1 where a check failed; a warning is no failure. */
export const doctor = Effect.fn("doctor")(function*({ options, output }: DoctorOptions) {
  const { examine } = yield* Doctor
  const { colour } = yield* Screen
  const findings: Array<Finding> = []
  yield* Stream.runForEach(examine(options), (finding) => {
    findings.push(finding)
    return output === "json" ? Effect.void : print(render(finding, colour))
  }).pipe(Effect.catchTag("DoctorError", ({ message }) => new Usage({ message })))
  const count = (verdict: Finding["verdict"]): number =>
    findings.filter((finding) => finding.verdict === verdict).length
  if (output === "json") yield* printJson({ apiVersion: "offloader/v1", healthy: count("failure") === 0, findings })
  else {
    yield* print(
      `${count("failure")} failed, ${count("warning")} with a warning, ${count("not checked")} not checked, `
        + `${count("ok")} well`
    )
  }
  return count("failure") === 0 ? ExitCode.done : ExitCode.failed
})

const colours: Readonly<Record<Finding["verdict"], Colour | undefined>> = {
  ok: "green",
  warning: "yellow",
  failure: "red",
  "not checked": undefined
}

const width = "not checked".length

const render = ({ check, cure, message, verdict }: Finding, colour: boolean): string => {
  const padding = " ".repeat(width - verdict.length)
  const line = `${paint(colour, colours[verdict], verdict)}${padding}  ${plain(check)}: ${plain(message)}`
  return cure === undefined ? line : `${line}\n${" ".repeat(width)}  → ${plain(cure)}`
}
