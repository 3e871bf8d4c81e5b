/** `offloadctl status --npu`: the NPU itself, as the daemon last knew it. Answers at once, also while it is away. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

import { NpuStatus } from "../control/npu-status.ts"
import type { Condition } from "../model/condition.ts"
import { deedsOf } from "../model/speech.ts"
import { ControlClient } from "./control-client.ts"
import { ExitCode } from "./exit-code.ts"
import { isTrouble, npuLine } from "./npu-line.ts"
import { type Format, print, printJson, Screen } from "./screen.ts"
import { dated, paint, plain } from "./text.ts"
import { understood } from "./understood.ts"

/** What of the daemon's conditions is the NPU's; the others are of this DPU's services and memory. */
const isOfNpu = ({ type }: Condition): boolean => type === "Reachable" || type === "Capable"

const troublesOf = ({ conditions }: NpuStatus): ReadonlyArray<Condition> =>
  conditions.filter((condition) => isOfNpu(condition) && isTrouble(condition))

/** Exits 3 where it is not reachable, or lacks what keeping services takes. */
export const npuStatus = Effect.fn("npuStatus")(function*(output: Format) {
  const client = yield* ControlClient
  const view = yield* understood(NpuStatus, "word on the NPU")(client.npu)
  if (output === "json") yield* printJson(view)
  else yield* print(render(view, yield* Clock.currentTimeMillis, (yield* Screen).colour))
  return view.npu.reachable === true && troublesOf(view).length === 0 ? ExitCode.done : ExitCode.degraded
})

const render = (view: NpuStatus, now: number, colour: boolean): string => {
  const { clock, lastLook, speech } = view
  const lines: ReadonlyArray<readonly [string, string]> = [
    ["Dialect", speech === null ? "not known yet" : `${speech.dialect}, known by its ${speech.by}`],
    [
      "Missing",
      speech === null
        ? "not known yet"
        : speech.missing.length === 0
        ? "nothing"
        : paint(colour, "red", `it cannot ${deedsOf(speech.missing)}`)
    ],
    ["Last Look", lastLook === null ? "N/A" : `${dated(lastLook.endedAt, now)}, took ${lastLook.took} ms`],
    ["Clock", clock === null ? "N/A" : `${difference(clock)}, asked ${dated(clock.at, now)}`],
    ...troublesOf(view).map((condition) =>
      [
        "Trouble",
        `${plain(condition.reason)} since ${dated(condition.lastTransition, now)}: ${plain(condition.message)}`
      ] as const
    )
  ]
  const width = Math.max(...lines.map(([title]) => title.length))
  return [npuLine(view.npu, now, colour), ...lines.map(([title, text]) => `  ${title.padEnd(width)}  ${text}`)].join(
    "\n"
  )
}

const difference = (clock: NonNullable<NpuStatus["clock"]>): string => {
  const margin = `within ${clock.uncertainty} ms`
  if (Math.abs(clock.difference) <= clock.uncertainty) return `the same as this DPU's, ${margin}`
  const seconds = (Math.abs(clock.difference) / 1000).toFixed(3)
  return `${seconds} s ${clock.difference > 0 ? "ahead of" : "behind"} this DPU's, ${margin}`
}
