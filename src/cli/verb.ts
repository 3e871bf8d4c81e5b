/** What every verb's command has in common: the socket, the exit code, the output's format. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"

import { ControlClient, type ControlClientShape } from "./control-client.ts"
import type { Doctor } from "./doctor.ts"
import { parseDuration } from "./duration.ts"
import { EventFeed } from "./event-feed.ts"
import { ExitCode } from "./exit-code.ts"
import type { LocalFiles } from "./local-files.ts"
import type { OpenApiDocument } from "./openapi.ts"
import { type CliError, Usage } from "./problem.ts"
import type { Replayer } from "./replay.ts"
import type { Format, Screen } from "./screen.ts"
import type { Simulation } from "./simulate.ts"
import type { Release } from "./version.ts"

/** Reaches a daemon by its socket; without a path, by OFFLOADER_SOCKET or where it usually is. */
export class Connection extends Context.Tag("offloadctl/Connection")<Connection, {
  readonly client: (socket: string | undefined) => ControlClientShape
  readonly feed: (socket: string | undefined) => EventFeed["Type"]
}>() {}

/** What a verb may use. */
export type Toolbox =
  | ControlClient
  | Doctor
  | EventFeed
  | LocalFiles
  | OpenApiDocument
  | Release
  | Replayer
  | Screen
  | Simulation

/** A verb that said all it had to say and exits with another code than 0. */
export class Quit extends Data.TaggedError("Quit")<{ readonly code: ExitCode }> {}

/** An argument that names something: an empty one comes of a variable that is not set, and names nothing. */
export const named = (what: string, description: string): Args.Args<string> =>
  Args.text({ name: what }).pipe(
    Args.mapEffect((name) => name === "" ? Effect.fail(unnamed(`<${what}>`)) : Effect.succeed(name)),
    Args.withDescription(description)
  )

/** The same as the value of an option. */
export const namedBy = (option: string): Options.Options<string> =>
  Options.mapEffect(
    Options.text(option),
    (name) => name === "" ? Effect.fail(ValidationError.invalidValue(unnamed(`--${option}`))) : Effect.succeed(name)
  )

const unnamed = (what: string): HelpDoc.HelpDoc =>
  HelpDoc.p(`${what} is empty and names nothing, perhaps a variable that is not set`)

const socket = namedBy("socket").pipe(
  Options.withPseudoName("PATH"),
  Options.withDescription(
    "The daemon's control socket; else OFFLOADER_SOCKET, else /run/offloader/offloadd.sock. Before or after the verb."
  ),
  Options.optional
)

/** A command of `offloadctl`: its name, its help, its options, and the program that it runs. */
export const verb = <Name extends string, const Config extends Command.Command.Config>(
  name: Name,
  description: string,
  config: Config,
  run: (parsed: Command.Command.ParseConfig<Config>) => Effect.Effect<ExitCode, CliError, Toolbox>
) =>
  Command.make(name, { config, socket }, (parsed) =>
    Effect.gen(function*() {
      const connection = yield* Connection
      const path = Option.getOrUndefined(parsed.socket)
      const code = yield* run(parsed.config as Command.Command.ParseConfig<Config>).pipe(
        Effect.provideService(ControlClient, connection.client(path)),
        Effect.provideService(EventFeed, connection.feed(path))
      )
      return yield* code === ExitCode.done ? Effect.void : new Quit({ code })
    })).pipe(Command.withDescription(description))

/** A container, by instance or by service name. */
export const container = named("container", "By service (gnmi) or by instance (gnmidpu0).")

/** `-o table|json`. */
export const output: Options.Options<Format> = Options.choice("output", ["table", "json"] as const).pipe(
  Options.withAlias("o"),
  Options.withDescription("How to print: a table for people, or JSON for programs."),
  Options.withDefault("table" as const)
)

/** `--timeout`, as it was written; `millis` reads it. */
export const timeout = (description: string) =>
  Options.text("timeout").pipe(
    Options.withPseudoName("DURATION"),
    Options.withDescription(description),
    Options.optional
  )

/** The milliseconds of a `--timeout`, or a usage error; `hint` tells whoever writes 0 what else to write. */
export const millis = (text: Option.Option<string>, hint?: string): Effect.Effect<number | undefined, Usage> =>
  Option.match(text, {
    onNone: () => Effect.succeed(undefined),
    onSome: (written) =>
      Either.match(parseDuration(written, hint), {
        onLeft: (why) => new Usage({ message: `--timeout: ${why}` }),
        onRight: (value) => Effect.succeed(value)
      })
  })
