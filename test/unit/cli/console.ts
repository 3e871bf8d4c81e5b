/** A terminal, a daemon and a file system that remember what was asked of them. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Terminal from "@effect/platform/Terminal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import { ControlClient, type ControlClientShape } from "../../../src/cli/control-client.ts"
import { Doctor } from "../../../src/cli/doctor.ts"
import { EventFeed } from "../../../src/cli/event-feed.ts"
import { NoDaemon } from "../../../src/cli/exchange.ts"
import type { ExitCode } from "../../../src/cli/exit-code.ts"
import { LocalFiles } from "../../../src/cli/local-files.ts"
import { OpenApiDocument } from "../../../src/cli/openapi.ts"
import { main } from "../../../src/cli/program.ts"
import { Replayer, ReplayError } from "../../../src/cli/replay.ts"
import { ClosedPipe, Screen, type ScreenShape } from "../../../src/cli/screen.ts"
import { Simulation } from "../../../src/cli/simulate.ts"
import { Connection } from "../../../src/cli/verb.ts"
import { Release } from "../../../src/cli/version.ts"

export interface Result {
  readonly code: ExitCode
  readonly out: string
  readonly err: string
}

export interface Setting {
  readonly client?: Partial<ControlClientShape>
  readonly events?: EventFeed["Type"]["events"]
  readonly replay?: Replayer["Type"]["replay"]
  readonly simulate?: Simulation["Type"]["run"]
  readonly examine?: Doctor["Type"]["examine"]
  readonly output?: EventFeed["Type"]["output"]
  readonly screen?: Partial<ScreenShape>
  /** Files that are there, by the name as given. */
  readonly files?: ReadonlyArray<string>
  /** Where a reader closes the pipe: after so many writes. */
  readonly closesAfter?: number
  /** Told each socket that is asked. */
  readonly onSocket?: (path: string | undefined) => void
}

export const noDaemon = new NoDaemon({ message: "no offloadd answers at /run/x: there is no such socket", sent: false })

const silent: ControlClientShape = {
  list: Effect.fail(noDaemon),
  status: () => Effect.fail(noDaemon),
  start: () => Effect.fail(noDaemon),
  stop: () => Effect.fail(noDaemon),
  retry: () => Effect.fail(noDaemon),
  deploy: () => Effect.fail(noDaemon),
  deployment: () => Effect.fail(noDaemon),
  cancel: () => Effect.fail(noDaemon),
  policy: Effect.fail(noDaemon),
  npu: Effect.fail(noDaemon),
  version: Effect.fail(noDaemon),
  daemonVersion: Effect.succeed(undefined),
  plan: Effect.fail(noDaemon),
  order: () => Effect.fail(noDaemon),
  images: Effect.fail(noDaemon)
}

export const recorder = (setting: Setting) => {
  const said = { out: "", err: "" }
  let writes = 0
  const screen: ScreenShape = {
    out: (text) =>
      Effect.suspend(() => {
        writes += 1
        if (setting.closesAfter !== undefined && writes > setting.closesAfter) return new ClosedPipe()
        said.out += text
        return Effect.void
      }),
    err: (text) => Effect.sync(() => void (said.err += text)),
    colour: false,
    redraws: false,
    columns: 80,
    ...setting.screen
  }
  return { said, screen, client: { ...silent, ...setting.client } }
}

/** Runs a verb's program, with whatever it may want. */
export const run = (
  program: Effect.Effect<
    ExitCode,
    never,
    ControlClient | EventFeed | LocalFiles | OpenApiDocument | Release | Replayer | Screen
  >,
  setting: Setting = {}
): Effect.Effect<Result> => {
  const { client, said, screen } = recorder(setting)
  return program.pipe(
    Effect.map((code) => ({ code, ...said })),
    Effect.provide(Layer.mergeAll(Layer.succeed(ControlClient, client), Layer.succeed(EventFeed, feedOf(setting)))),
    Effect.provide(surroundings(setting, screen))
  )
}

/** Runs a whole command line. */
export const commandLine = (line: ReadonlyArray<string>, setting: Setting = {}): Effect.Effect<Result> => {
  const { client, said, screen } = recorder(setting)
  const connection = {
    client: (path: string | undefined) => {
      setting.onSocket?.(path)
      return client
    },
    feed: () => feedOf(setting)
  }
  return main(line).pipe(
    Effect.map((code) => ({ code, ...said })),
    Effect.provideService(Connection, connection),
    Effect.provide(surroundings(setting, screen))
  )
}

const feedOf = (setting: Setting): EventFeed["Type"] => ({
  events: setting.events ?? (() => Stream.fail(noDaemon)),
  output: setting.output ?? (() => Stream.fail(noDaemon))
})

const surroundings = (setting: Setting, screen: ScreenShape) =>
  Layer.mergeAll(
    Layer.succeed(Screen, screen),
    Layer.succeed(Release, { version: "0.1.0" }),
    Layer.succeed(OpenApiDocument, { text: Effect.succeed("{\"openapi\":\"3.1.0\"}") }),
    Layer.succeed(Replayer, {
      replay: setting.replay ?? (() => new ReplayError({ message: "there is no such file" }))
    }),
    Layer.succeed(Doctor, { examine: setting.examine ?? (() => Stream.die("nobody examines here")) }),
    Layer.succeed(Simulation, {
      profiles: ["all", "none"],
      run: setting.simulate ?? (() => Effect.die("nobody simulates here"))
    }),
    Layer.succeed(LocalFiles, {
      resolve: (path) => Effect.succeed(path.startsWith("/") ? path : `/here/${path}`),
      missing: (path) =>
        Effect.sync(() =>
          setting.files?.includes(path) === true
            ? undefined
            : `there is no file ${path.startsWith("/") ? path : `/here/${path}`}`
        )
    }),
    FileSystem.layerNoop({}),
    Path.layer,
    Layer.succeed(Terminal.Terminal, {
      columns: Effect.succeed(80),
      rows: Effect.succeed(24),
      isTTY: Effect.succeed(false),
      readInput: Effect.die("nobody types here"),
      readLine: Effect.fail(new Terminal.QuitException()),
      display: () => Effect.void
    })
  )
