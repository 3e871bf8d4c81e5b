/** What both ways of `offloadctl` take from the process and give back to it. */
import type { Teardown } from "@effect/platform/Runtime"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

import { ExitCode } from "../src/cli/exit-code.ts"

/** The command line without node and script. */
export const argv: ReadonlyArray<string> = process.argv.slice(2)

/** Where the daemon is asked: `--socket`, else OFFLOADER_SOCKET, else the place on a switch. */
export const socketPath = (given: string | undefined): string =>
  given ?? (process.env["OFFLOADER_SOCKET"] || "/run/offloader/offloadd.sock")

/** Runs until the program says its exit code; Ctrl-C interrupts it, and what has to be taken back is taken back. */
export const run = (program: Effect.Effect<ExitCode>): void =>
  NodeRuntime.runMain(program, { disableErrorReporting: true, disablePrettyLogger: true, teardown })

const teardown: Teardown = (exit, onExit) => {
  if (Exit.isSuccess(exit)) return onExit(exit.value as ExitCode)
  if (Cause.isInterruptedOnly(exit.cause)) return onExit(ExitCode.interrupted)
  process.stderr.write(`offloadctl failed inside, which it never should:\n${Cause.pretty(exit.cause)}\n`)
  onExit(ExitCode.failed)
}
