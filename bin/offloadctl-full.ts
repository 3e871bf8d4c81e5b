/** The whole of `offloadctl`, with everything that its verbs need; loaded by offloadctl.ts where the quick way does not serve. */
import { statSync } from "node:fs"
import { resolve } from "node:path"

import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import { exchange } from "../layers/control/client.ts"
import { feed } from "../layers/control/feed.ts"
import { codeOf, explain } from "../layers/state/file-errors.ts"
import packageJson from "../package.json" with { type: "json" }
import { make } from "../src/cli/control-client.ts"
import { Doctor } from "../src/cli/doctor.ts"
import { LocalFiles } from "../src/cli/local-files.ts"
import { OpenApiDocument } from "../src/cli/openapi.ts"
import { main } from "../src/cli/program.ts"
import { Replayer } from "../src/cli/replay.ts"
import { Screen } from "../src/cli/screen.ts"
import { Simulation } from "../src/cli/simulate.ts"
import { Connection } from "../src/cli/verb.ts"
import { Release } from "../src/cli/version.ts"
import type { Profile } from "../src/simulate/swarm.ts"
import { argv, run, socketPath } from "./offloadctl-process.ts"
import { screen } from "./offloadctl-screen.ts"

const connection = Layer.succeed(Connection, {
  client: (path) => make(exchange(socketPath(path))),
  feed: (path) => feed(socketPath(path))
})

const files = Layer.succeed(LocalFiles, {
  resolve: (path) => Effect.sync(() => resolve(path)),
  missing: (path) =>
    Effect.sync(() => {
      try {
        statSync(path)
        return undefined
      } catch (error) {
        return codeOf(error) === "ENOENT"
          ? `there is no file ${resolve(path)}`
          : explain(`looking at ${resolve(path)}`, error)
      }
    })
})

const document = Layer.succeed(OpenApiDocument, {
  text: Effect.promise(async () => (await import("./offloadctl-openapi.ts")).text())
})

const replayer = Layer.succeed(Replayer, {
  replay: (path) =>
    Effect.flatMap(Effect.promise(() => import("../layers/state/replay-file.ts")), (module) => module.replayFile(path))
})

const doctor = Layer.succeed(Doctor, {
  examine: (options) =>
    Stream.unwrap(
      Effect.map(Effect.promise(() => import("./offloadctl-doctor.ts")), (module) => module.examine(options))
    )
})

/** All that there are, without loading the simulator for their names. */
const profiles: Readonly<Record<Profile, true>> = {
  all: true,
  none: true,
  containers: true,
  network: true,
  daemon: true,
  upgrades: true,
  pruning: true
}

const simulation = Layer.succeed(Simulation, {
  profiles: Object.keys(profiles),
  run: (request) =>
    Effect.flatMap(Effect.promise(() => import("./offloadctl-simulate.ts")), (module) => module.run(request))
})

/** What @effect/cli itself asks for; the terminal is for its `--wizard`, and no option of ours reads a file. */
const parser = Layer.mergeAll(FileSystem.layerNoop({}), Path.layer, NodeTerminal.layer)

const environment = Layer.mergeAll(
  connection,
  files,
  document,
  replayer,
  simulation,
  doctor,
  parser,
  Layer.succeed(Release, { version: packageJson.version }),
  Layer.succeed(Screen, screen)
)

export const start = (): void => run(Effect.provide(main(argv), environment))
