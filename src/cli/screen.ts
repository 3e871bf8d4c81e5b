/** Where the verbs write: data to standard output, messages to standard error. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

import { plainJson } from "../model/plain.ts"

/** Whoever read our output has closed it, as `| head -1` does. The program ends quietly. */
export class ClosedPipe extends Data.TaggedError("ClosedPipe") {}

/** Our output could not be written, as on a full disk; `message` is a sentence. */
export class Unwritten extends Data.TaggedError("Unwritten")<{ readonly message: string }> {}

export interface ScreenShape {
  /** Writes data, as it is. */
  readonly out: (text: string) => Effect.Effect<void, ClosedPipe | Unwritten>
  /** Writes a message, as it is; one that cannot be written is lost. */
  readonly err: (text: string) => Effect.Effect<void>
  /** Whether colours may be used on standard output: a terminal, and no NO_COLOR. */
  readonly colour: boolean
  /** Whether standard error is a terminal, where a line can be drawn again. */
  readonly redraws: boolean
  /** Columns of that terminal. */
  readonly columns: number
}

export class Screen extends Context.Tag("offloadctl/Screen")<Screen, ScreenShape>() {}

/** A line of data. */
export const print = (line: string): Effect.Effect<void, ClosedPipe | Unwritten, Screen> =>
  Effect.flatMap(Screen, (screen) => screen.out(`${line}\n`))

/** A message to the person. */
export const say = (sentence: string): Effect.Effect<void, never, Screen> =>
  Effect.flatMap(Screen, (screen) => screen.err(`${sentence}\n`))

/** A view, for programs. */
export const printJson = (view: unknown): Effect.Effect<void, ClosedPipe | Unwritten, Screen> =>
  print(plainJson(view, 2))

export type Format = "table" | "json"
