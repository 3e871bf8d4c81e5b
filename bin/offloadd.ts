/** offloadd: the composition root of the daemon. What it is told comes from flags, or from what the switch has. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"

import * as ControlServer from "../layers/control/server.ts"
import * as Gnoi from "../layers/gnoi/wire.ts"
import * as Heap from "../layers/heap/growth.ts"
import { layerSources } from "../layers/images/sources.ts"
import * as Log from "../layers/log/logger.ts"
import {
  type DaemonOptions,
  help,
  parse,
  parseArchitecture,
  parseDpu,
  UsageError
} from "../layers/options/daemon-options.ts"
import * as Probe from "../layers/probe/prober.ts"
import * as Identity from "../layers/sonic/identity.ts"
import * as NextVersion from "../layers/sonic/next-version.ts"
import * as StateDb from "../layers/sonic/state-db.ts"
import { layerEventJournal } from "../layers/state/event-journal.ts"
import * as MemoryFile from "../layers/state/memory-file.ts"
import { layerRecordingFile } from "../layers/state/recording-file.ts"
import { syncFolder } from "../layers/state/sync-folder.ts"
import packageJson from "../package.json" with { type: "json" }
import { Decider } from "../src/daemon/decider.ts"
import { DpuIdentity } from "../src/daemon/dpu-identity.ts"
import { EventLog } from "../src/daemon/event-log.ts"
import * as Handlers from "../src/daemon/handlers.ts"
import { Notices } from "../src/daemon/notices.ts"
import { GivenArchitecture } from "../src/daemon/npu-architecture.ts"
import * as Program from "../src/daemon/program.ts"
import { statusRows } from "../src/daemon/status-rows.ts"
import { Assignment } from "../src/model/assignment.ts"
import * as Catalogue from "../src/model/catalogue.ts"
import * as Npu from "../src/npu/npu.ts"
import { parseRemoteSource, RemoteSource } from "../src/npu/remote-source.ts"
import * as Policy from "../src/policy/policy.ts"
import { defaults } from "./offloadd-defaults.ts"
import { transportOf } from "./offloadd-transport.ts"
import { write } from "./output.ts"

/** A file named on the command line that cannot be used. */
class FileError extends Data.TaggedError("FileError")<{ readonly message: string }> {}

const readJson = (path: string, what: string): Effect.Effect<unknown, FileError> =>
  Effect.try({
    try: () => JSON.parse(readFileSync(path, "utf8")) as unknown,
    catch: (error) => new FileError({ message: `the ${what} ${path}: ${(error as Error).message}` })
  })

const decoded = <A>(
  path: string | undefined,
  what: string,
  decode: (json: unknown) => Either.Either<A, Error>,
  absent: A
) =>
  path === undefined
    ? Effect.succeed(absent)
    : Effect.flatMap(readJson(path, what), (json) =>
      Either.mapLeft(decode(json), (error) =>
        new FileError({ message: `the ${what} ${path}: ${error.message}` })))

const usage = <A>(option: string, parsed: Either.Either<A, string>) =>
  Either.mapLeft(parsed, (reason) => new UsageError({ message: `--${option}: ${reason}` }))

const levels: Readonly<Record<string, LogLevel.LogLevel>> = {
  debug: LogLevel.Debug,
  info: LogLevel.Info,
  warning: LogLevel.Warning,
  error: LogLevel.Error
}

/** Readable on a terminal, `key=value` otherwise, JSON by choice; all to standard error. */
const logging = (options: DaemonOptions): Effect.Effect<Layer.Layer<never>, UsageError> => {
  const terminal = process.stderr.isTTY
  const form = options.log ?? (terminal ? "pretty" : "logfmt")
  const level = levels[options["log-level"] ?? "info"]
  if (level === undefined) {
    return new UsageError({
      message: `--log-level: ${JSON.stringify(options["log-level"])} is not one of ${Object.keys(levels).join(", ")}`
    })
  }
  switch (form) {
    case "pretty":
      return Effect.succeed(Log.layerPretty({ level, colour: terminal && process.env["NO_COLOR"] === undefined }))
    case "logfmt":
      return Effect.succeed(Log.layerLogfmt({ level }))
    case "json":
      return Effect.succeed(Log.layerJson({ level }))
    default:
      return new UsageError({ message: `--log: ${JSON.stringify(form)} is not one of pretty, logfmt, json` })
  }
}

const daemon = (options: DaemonOptions) =>
  Effect.gen(function*() {
    const startedAt = new Date(yield* Clock.currentTimeMillis).toISOString()
    const dpu = options.dpu === undefined ? undefined : yield* usage("dpu", parseDpu(options.dpu))
    const catalogue = yield* decoded(options.catalogue, "catalogue", Catalogue.fromJson, Catalogue.builtIn)
    const policy = yield* decoded(options.policy, "policy", Policy.fromJson, Policy.defaults)
    const given = options["remote-source"]
    const remote = given === undefined ? undefined : yield* usage("remote-source", parseRemoteSource(given))
    const architecture = options["npu-architecture"]
    if (architecture !== undefined) yield* usage("npu-architecture", parseArchitecture(architecture))
    const stateDir = options["state-dir"] ?? defaults.stateDir
    // In a lab the machine's own engine is not the DPU's.
    const dockerSocket = options["docker-socket"] ?? (dpu === undefined ? defaults.dockerSocket : undefined)
    const versionFile = options["version-file"] ?? defaults.versionFile

    const transport = yield* transportOf(options, policy.connection)

    yield* Effect.forkScoped(Heap.keepSmall())
    yield* Effect.annotateLogs(Effect.logInfo("offloadd starts"), {
      version: packageJson.version,
      npu: options.npu ?? "as the switch says",
      transport: transport.described,
      state: stateDir
    })
    const identity = dpu === undefined
      ? Identity.layerSwitch({ versionFile })
      : Identity.layerLab({ dpu, versionFile })
    const assignment = Layer.effect(
      Assignment,
      Effect.gen(function*() {
        const { dpu: number } = yield* DpuIdentity
        const containers = yield* Catalogue.resolve(catalogue, number)
        return {
          dpu: number,
          containers,
          get serviceHost() {
            return options["service-host"] ?? transport.host()
          }
        }
      })
    )
    const ports = Layer.mergeAll(
      Npu.layer.pipe(Layer.provide(Gnoi.layer(transport.options))),
      Probe.layer,
      layerSources({
        directory: options["images-dir"] ?? defaults.imagesDir,
        kept: { directory: join(stateDir, "archives"), sync: syncFolder },
        ...(dockerSocket === undefined
          ? {}
          : { engine: { socketPath: dockerSocket, spoolDirectory: join(stateDir, "spool") } })
      }),
      MemoryFile.layerFile({ directory: stateDir }),
      assignment.pipe(Layer.provideMerge(identity)),
      NextVersion.layer(),
      Layer.succeed(Handlers.About, { version: packageJson.version, pid: process.pid, startedAt })
    )
    const program = Program.layer.pipe(
      Layer.provideMerge(ports),
      Layer.provide(layerEventJournal({ directory: stateDir })),
      Layer.provide(
        options.record === undefined
          ? Layer.empty
          : layerRecordingFile({ path: options.record, version: packageJson.version })
      )
    )
    const control = ControlServer.layer({ path: options.socket ?? defaults.socket }).pipe(
      Layer.provide(Handlers.layer)
    )
    // A lab has no STATE_DB, and a machine's own is not the DPU's.
    const stateDb = dpu !== undefined ? Layer.empty : Layer.scopedDiscard(
      Effect.gen(function*() {
        const { append } = yield* EventLog
        const rows = statusRows(yield* Decider)
        yield* Effect.forkScoped(
          StateDb.publish({
            client: () => import("../layers/sonic/redis.ts"),
            rows,
            tell: (notice) => append([notice])
          })
        )
      })
    )
    yield* Program.run.pipe(
      Effect.provide(Layer.provideMerge(Layer.merge(control, stateDb), program)),
      Effect.provideService(Policy.ActivePolicy, policy),
      Effect.provideService(Notices, transport.notices),
      Effect.provideService(RemoteSource, remote),
      Effect.provideService(GivenArchitecture, architecture),
      // After everything was released: who reads the log knows that nothing was left undone.
      Effect.onInterrupt(() => Effect.logInfo("offloadd has stopped; the services go on running on the NPU"))
    )
  }).pipe(
    Effect.scoped,
    // Nobody reads spans of a daemon: what it did and why is in its log and its journal.
    Effect.withTracerEnabled(false)
  )

/** Ended by what the operator wrote: exit 2. By anything else: exit 1. */
const usageErrors: ReadonlySet<string> = new Set(["UsageError", "FileError", "CatalogueError"])

const main = Effect.gen(function*() {
  const invocation = yield* parse(process.argv.slice(2), process.env)
  switch (invocation._tag) {
    case "Help":
      return yield* print(help())
    case "Version":
      return yield* print(`offloadd ${packageJson.version}\n`)
    case "Run":
      return yield* Effect.provide(daemon(invocation.options), yield* logging(invocation.options))
  }
})

/** A reader that has had enough is no fault. */
const print = (text: string) => Effect.catchTag(write(1, text), "ClosedPipe", () => Effect.void)

NodeRuntime.runMain(main, {
  disableErrorReporting: true,
  teardown: (exit, onExit) => {
    if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return onExit(0)
    const error = Cause.squash(exit.cause) as { readonly _tag?: string; readonly message?: string }
    process.stderr.write(`offloadd: ${error.message ?? String(error)}\n`)
    onExit(usageErrors.has(error._tag ?? "") ? 2 : 1)
  }
})
