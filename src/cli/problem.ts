/** How a verb ends when it does not end well: a sentence for the person and an exit code. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

import type { ProblemView } from "../control/problems.ts"
import type { ExchangeError } from "./exchange.ts"
import { ExitCode } from "./exit-code.ts"
import { ClosedPipe, say, type Screen, type Unwritten } from "./screen.ts"
import { plain } from "./text.ts"

/** A command line that says something that cannot be done. */
export class Usage extends Data.TaggedError("Usage")<{ readonly message: string }> {}

/** An end with a sentence of its own. */
export class Ended extends Data.TaggedError("Ended")<{ readonly code: ExitCode; readonly message: string }> {}

export type CliError = ExchangeError | ProblemView | Usage | Ended | ClosedPipe | Unwritten

const codeOf: Readonly<Record<Exclude<CliError["_tag"], "Ended">, ExitCode>> = {
  NoDaemon: ExitCode.noDaemon,
  NotPermitted: ExitCode.noDaemon,
  BadReply: ExitCode.failed,
  UnknownContainer: ExitCode.usage,
  UnknownOperation: ExitCode.failed,
  NotRecorded: ExitCode.failed,
  Busy: ExitCode.failed,
  Declined: ExitCode.failed,
  NoLog: ExitCode.failed,
  NpuUnreachable: ExitCode.unreachable,
  BadRequest: ExitCode.usage,
  UnknownPath: ExitCode.failed,
  TooLarge: ExitCode.failed,
  InternalError: ExitCode.failed,
  Usage: ExitCode.usage,
  ClosedPipe: ExitCode.done,
  Unwritten: ExitCode.failed
}

/** Says what went wrong and answers the exit code. */
export const settle = <R>(verb: Effect.Effect<ExitCode, CliError, R>): Effect.Effect<ExitCode, never, R | Screen> =>
  Effect.catchAll(verb, (error) =>
    error instanceof ClosedPipe
      ? Effect.succeed(ExitCode.done)
      : Effect.as(say(`offloadctl: ${sentenceOf(error)}`), error._tag === "Ended" ? error.code : codeOf[error._tag]))

const sentenceOf = (error: Exclude<CliError, ClosedPipe>): string => {
  switch (error._tag) {
    case "UnknownPath":
      return `offloadd does not know this request; it may be of another version than offloadctl (${
        plain(error.message)
      })`
    case "NpuUnreachable":
      return `the NPU could not be reached: ${plain(error.message)}`
    case "NotRecorded":
      return `not recorded, nothing was changed: ${plain(error.message)}`
    default:
      return plain(error.message)
  }
}
