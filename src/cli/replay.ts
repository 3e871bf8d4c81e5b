/** `offloadctl replay`: runs a recording of offloadd through the same judgement again. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

import { ExitCode } from "./exit-code.ts"
import { Ended } from "./problem.ts"
import { type Format, print, printJson, Screen } from "./screen.ts"
import { paint, plain } from "./text.ts"

/** A recording cannot be read; `message` is a sentence. */
export class ReplayError extends Data.TaggedError("ReplayError")<{ readonly message: string }> {}

interface Decided {
  readonly actions: ReadonlyArray<string>
  readonly events: ReadonlyArray<string>
  readonly replies: ReadonlyArray<string>
}

/** What came of it. */
export interface Replayed {
  /** The product versions that recorded. */
  readonly versions: ReadonlyArray<string>
  readonly turns: number
  /** Turns before the recording's first whole memory. */
  readonly skipped: number
  readonly decisions: ReadonlyArray<{
    readonly turn: number
    readonly at: string
    readonly input: string
    readonly recorded: Decided
    readonly replayed: Decided
    readonly differs: boolean
  }>
  /** Turns after which memory was another. */
  readonly otherMemory: ReadonlyArray<number>
}

/** The judgement is loaded only when it is asked for. */
export class Replayer extends Context.Tag("offloadctl/Replayer")<Replayer, {
  readonly replay: (path: string) => Effect.Effect<Replayed, ReplayError>
}>() {}

export interface ReplayOptions {
  readonly file: string
  /** Only what this version decides otherwise. */
  readonly differences: boolean
  readonly output: Format
}

/** Exits 1 where this version decides otherwise than the one that recorded. */
export const replay = Effect.fn("replay")(function*(options: ReplayOptions) {
  const { replay } = yield* Replayer
  const result = yield* Effect.mapError(
    replay(options.file),
    (error) => new Ended({ code: ExitCode.failed, message: error.message })
  )
  const shown = result.decisions.filter((decision) => decision.differs || !options.differences)
  if (options.output === "json") yield* printJson({ ...result, decisions: shown })
  else yield* print(render(result, shown, (yield* Screen).colour))
  return isSame(result) ? ExitCode.done : ExitCode.failed
})

const isSame = (result: Replayed): boolean =>
  result.otherMemory.length === 0 && result.decisions.every((decision) => !decision.differs)

const render = (result: Replayed, shown: Replayed["decisions"], colour: boolean): string => {
  const differing = result.decisions.filter((decision) => decision.differs).length
  return [
    ...shown.flatMap((decision) => [
      `${plain(decision.at)}  turn ${decision.turn}  ${plain(decision.input)}`,
      ...decision.differs
        ? [
          ...said(decision.recorded).map((line) => paint(colour, "red", `  - ${line}`)),
          ...said(decision.replayed).map((line) => paint(colour, "green", `  + ${line}`))
        ]
        : said(decision.replayed).map((line) => `    ${line}`)
    ]),
    ...result.otherMemory.map((turn) => `after turn ${turn} memory is another than the recorded one`),
    `${result.turns} turns recorded by version ${result.versions.map(plain).join(", ") || "unknown"}, `
    + `${result.decisions.length} with a decision, ${differing} decided otherwise now`
    + (result.skipped === 0 ? "" : `; ${result.skipped} passed over, since the recording begins within them`)
  ].join("\n")
}

const said = ({ actions, events, replies }: Decided): ReadonlyArray<string> =>
  [...actions.map((action) => `does ${action}`), ...events, ...replies.map((reply) => `answers ${reply}`)].map(plain)
