/** The whole of `offloadctl`: every verb, help, completions, and how a wrong command line is answered. */
import type * as CliApp from "@effect/cli/CliApp"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Arr from "effect/Array"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

import { arrange } from "./arguments.ts"
import type { ControlClient } from "./control-client.ts"
import type { EventFeed } from "./event-feed.ts"
import { ExitCode, exitCodes } from "./exit-code.ts"
import { settle, Usage } from "./problem.ts"
import { type ClosedPipe, Screen, type ScreenShape, type Unwritten } from "./screen.ts"
import { withoutColour } from "./text.ts"
import { type Connection, type Toolbox } from "./verb.ts"
import * as deploy from "./verbs/deploy.ts"
import * as doctor from "./verbs/doctor.ts"
import * as events from "./verbs/events.ts"
import * as images from "./verbs/images.ts"
import * as list from "./verbs/list.ts"
import * as logs from "./verbs/logs.ts"
import * as openapi from "./verbs/openapi.ts"
import * as pause from "./verbs/pause.ts"
import * as plan from "./verbs/plan.ts"
import * as policy from "./verbs/policy.ts"
import * as release from "./verbs/release.ts"
import * as replay from "./verbs/replay.ts"
import * as resume from "./verbs/resume.ts"
import * as retry from "./verbs/retry.ts"
import * as rollback from "./verbs/rollback.ts"
import * as simulate from "./verbs/simulate.ts"
import * as start from "./verbs/start.ts"
import * as status from "./verbs/status.ts"
import * as stop from "./verbs/stop.ts"
import * as upgrade from "./verbs/upgrade.ts"
import * as version from "./verbs/version.ts"
import { Release } from "./version.ts"

/** Adding a verb: a file in verbs/, and a line here. */
const verbs = [
  list.command,
  status.command,
  start.command,
  stop.command,
  retry.command,
  deploy.command,
  upgrade.command,
  rollback.command,
  plan.command,
  images.command,
  release.command,
  pause.command,
  resume.command,
  events.command,
  logs.command,
  doctor.command,
  policy.command,
  replay.command,
  simulate.command,
  version.command,
  openapi.command
] as const

type Environment = Connection | Exclude<Toolbox, ControlClient | EventFeed> | CliApp.CliApp.Environment

const root = Command.make(
  "offloadctl",
  {},
  () => new Usage({ message: "say what to do: list, status, start, stop, deploy, …; \"offloadctl --help\" shows all" })
).pipe(
  Command.withDescription("Runs the services of this DPU on its NPU: asks and tells the offloadd of this machine."),
  Command.withSubcommands(verbs)
)

const footer = HelpDoc.blocks([
  HelpDoc.h1("EXIT CODES"),
  HelpDoc.enumeration(Arr.map(exitCodes, ([code, meaning]) => HelpDoc.p(`${code}  ${meaning}`)))
])

/**
 * Runs a command line, without the names of node and script, and answers the
 * exit code. Says everything there is to say; never fails.
 */
export const main = (argv: ReadonlyArray<string>): Effect.Effect<ExitCode, never, Environment> =>
  Effect.gen(function*() {
    const screen = yield* Screen
    // The parser would blame a missing verb.
    const completions = argv.indexOf("--completions")
    if (completions !== -1 && !shells.has(argv[completions + 1] ?? "")) {
      return yield* settle(new Usage({ message: `--completions is one of: ${[...shells].join(", ")}` }))
    }
    const release = yield* Release
    const run = Command.run(root, { name: "offloadctl", version: release.version, executable: "offloadctl", footer })
    const program = run(["node", "offloadctl", ...arrange(argv)]).pipe(
      Effect.as(ExitCode.done),
      Effect.catchTag("Quit", ({ code }) => Effect.succeed(code)),
      Effect.catchIf(ValidationError.isValidationError, (error) => Effect.fail(usage(error.error)))
    )
    const console = yield* Console.consoleWith(Effect.succeed)
    // What @effect/cli prints cannot fail there; that it was not written ends the program all the same.
    let failure: ClosedPipe | Unwritten | undefined
    const note = (error: ClosedPipe | Unwritten) => Effect.sync(() => void (failure = error))
    return yield* settle(Effect.filterOrElse(program, () => failure === undefined, () => Effect.fail(failure!))).pipe(
      Effect.withConsole(consoleOf(console, screen, note))
    )
  })

const shells: ReadonlySet<string> = new Set(["bash", "fish", "sh", "zsh"])

/** The parser's complaint as one paragraph. */
const usage = (error: HelpDoc.HelpDoc): Usage => {
  const text = withoutColour(HelpDoc.toAnsiText(error)).replace(/\s+/g, " ").trim()
  // The parser names the choices and not the option; there is one that all verbs share.
  if (text.endsWith(": table, json")) return new Usage({ message: "--output (-o) is one of: table, json" })
  return new Usage({ message: `${text.replace(/[.]$/, "")}; "offloadctl --help" shows how` })
}

/** What @effect/cli prints. Its complaints come again as the error of the run, and are printed there. */
const consoleOf = (
  base: Console.Console,
  screen: ScreenShape,
  note: (error: ClosedPipe | Unwritten) => Effect.Effect<void>
): Console.Console => ({
  ...base,
  log: (...texts: ReadonlyArray<unknown>) => {
    const text = `${texts.join(" ").trimEnd()}\n`
    return Effect.catchAll(screen.out(screen.colour ? text : withoutColour(text)), note)
  },
  error: () => Effect.void
})
