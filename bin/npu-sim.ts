/**
 * npu-sim: a stand-in NPU for labs and tests. It serves gNOI Containerz over an
 * engine in memory, or over a real container engine; `npu-sim admin` brings
 * about what goes wrong with NPUs.
 */
import { readFileSync } from "node:fs"

import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import type * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

import { fromFile } from "../layers/gnoi/account.ts"
import { administer, state, verbs } from "../layers/npu-sim/admin/client.ts"
import { serve as serveAdmin } from "../layers/npu-sim/admin/server.ts"
import type { Backend } from "../layers/npu-sim/backend.ts"
import { asReference, specified } from "../layers/npu-sim/engine/core.ts"
import type { Engine } from "../layers/npu-sim/engine/engine.ts"
import * as EngineClock from "../layers/npu-sim/engine-clock.ts"
import * as Journal from "../layers/npu-sim/journal.ts"
import * as MemoryBackend from "../layers/npu-sim/memory-backend.ts"
import { formatAddress, parseAddress, parseSeconds, parseSize } from "../layers/npu-sim/options.ts"
import * as Ports from "../layers/npu-sim/probes/ports.ts"
import { dialects } from "../layers/npu-sim/server/dialects.ts"
import { defaultChunk, largestChunk, serve } from "../layers/npu-sim/server/serve.ts"
import { codeOf, explain } from "../layers/state/file-errors.ts"
import { withoutColour } from "../src/cli/text.ts"
import { builtIn, type Catalogue, fromJson } from "../src/model/catalogue.ts"
import { tlsOf } from "./npu-sim-tls.ts"
import { takesColour } from "./output.ts"

/** An option whose text is read by one of ours; what is wrong with it is the whole message. */
const parsed = <A>(name: string, parse: (text: string) => Either.Either<A, string>) =>
  Options.text(name).pipe(
    Options.mapEffect((text) =>
      Either.mapLeft(parse(text), (why) => ValidationError.invalidValue(HelpDoc.p(`--${name}: ${why}`)))
    )
  )

/** One of these words. */
const oneOf = <Word extends string>(name: string, words: ReadonlyArray<Word>) =>
  parsed(name, (text) =>
    Either.fromNullable(
      words.find((word) => word === text),
      () => `${JSON.stringify(text)} is not one of ${words.join(", ")}`
    )).pipe(Options.withPseudoName(words.join("|")))

const parseChunk = (text: string): Either.Either<number, string> =>
  Either.flatMap(parseSize(text), (bytes) =>
    bytes >= 1 && bytes <= largestChunk
      ? Either.right(bytes)
      : Either.left(`a chunk is 1 to ${largestChunk} bytes, the largest that gRPC's own limit lets through`))

const file = (name: string, description: string) =>
  Options.text(name).pipe(Options.withPseudoName("FILE"), Options.withDescription(description), Options.optional)

const options = {
  listen: parsed("listen", parseAddress).pipe(
    Options.withDefault({ host: "127.0.0.1", port: 50_052 }),
    Options.withDescription("HOST:PORT of the gRPC server; port 0 picks one")
  ),
  engine: oneOf("engine", ["memory", "docker"]).pipe(
    Options.withDefault("memory" as const),
    Options.withDescription("what runs the containers: nothing but memory, or a container engine")
  ),
  dockerSocket: Options.text("docker-socket").pipe(
    Options.withPseudoName("PATH"),
    Options.withDefault("/var/run/docker.sock"),
    Options.withDescription("the container engine's Docker-compatible API")
  ),
  dialect: oneOf("dialect", dialects).pipe(
    Options.withDefault("modern" as const),
    Options.withDescription("of gNOI Containerz: today's, with errors in answers (0.5 to 0.7), or SONiC's (0.3)")
  ),
  statuses: oneOf("statuses", ["specified", "reference"]).pipe(
    Options.withDefault("specified" as const),
    Options.withDescription("answer as the interface specifies, or as the reference server does (memory engine)")
  ),
  admin: Options.text("admin").pipe(
    Options.withPseudoName("PATH"),
    Options.withDescription("unix socket for administration and faults"),
    Options.optional
  ),
  journal: file("journal", "append every mutating call and its answer, one JSON value a line"),
  catalogue: file("catalogue", "the services whose probes are answered (JSON); the built-in three otherwise"),
  serviceHost: Options.text("service-host").pipe(
    Options.withPseudoName("HOST"),
    Options.withDefault("127.0.0.1"),
    Options.withDescription("address on which running containers' probes are answered")
  ),
  chunkSize: parsed("chunk-size", parseChunk).pipe(
    Options.withDefault(defaultChunk),
    Options.withDescription("bytes of content that a message may carry, as uploads are told")
  ),
  disk: parsed("disk", parseSize).pipe(
    Options.withDefault(16 * 2 ** 30),
    Options.withDescription("room for images, such as 16GiB")
  ),
  closeIdle: parsed("close-idle", parseSeconds).pipe(
    Options.withPseudoName("SECONDS"),
    Options.withDescription(
      "close connections without a call after so long, as SONiC's server does after 5; default never"
    ),
    Options.optional
  ),
  tlsCert: file("tls-cert", "certificate chain (PEM), read again when it changes; plaintext without it"),
  tlsKey: file("tls-key", "its key (PEM)"),
  tlsCa: file("tls-ca", "demand clients' certificates, signed by these (PEM)"),
  tlsClientAuth: oneOf("tls-client-auth", ["on", "off"]).pipe(
    Options.withDescription("whether clients must show a certificate; default on with --tls-ca"),
    Options.optional
  ),
  credentials: file("credentials", "demand this user name and password, or token, of every call"),
  tlsEphemeral: Options.boolean("tls-ephemeral").pipe(
    Options.withDescription("TLS with a certificate made at start that nobody has signed")
  )
}

/** A sentence for people, and the exit code that goes with it. */
class Complaint {
  readonly _tag = "Complaint"
  readonly sentence: string
  readonly exitCode: number
  constructor(sentence: string, exitCode: number) {
    this.sentence = sentence
    this.exitCode = exitCode
  }
}

const complain = (exitCode: number) => (error: { readonly message: string }): Complaint =>
  new Complaint(error.message, exitCode)

const readText = (name: string, path: string): Effect.Effect<Buffer, Complaint> =>
  Effect.try({
    try: () => readFileSync(path),
    catch: (cause) => new Complaint(`--${name}: ${(cause as Error).message}`, 2)
  })

const readCatalogue = (path: string): Effect.Effect<Catalogue, Complaint> =>
  Effect.gen(function*() {
    const text = yield* readText("catalogue", path)
    const json = yield* Effect.try({
      try: () => JSON.parse(text.toString("utf8")) as unknown,
      catch: (cause) => new Complaint(`${path}: ${(cause as Error).message}`, 2)
    })
    return yield* Effect.mapError(fromJson(json), complain(2))
  })

const readProbes = (path: Option.Option<string>) =>
  Effect.gen(function*() {
    const catalogue = Option.isNone(path) ? builtIn : yield* readCatalogue(path.value)
    return yield* Effect.mapError(Ports.probesOf(catalogue), complain(2))
  })

interface Engines {
  readonly backend: Backend
  readonly engine: Engine | undefined
  readonly settled: Effect.Effect<void>
}

const npuSim = Command.make("npu-sim", options, (given) =>
  Effect.scoped(Effect.gen(function*() {
    const quirks = {
      ...(given.statuses === "reference" ? asReference : specified),
      // Its server never applies the name that it is told.
      ...(given.dialect === "sonic" ? { archiveNamesWin: true } : {})
    }
    const probes = yield* readProbes(given.catalogue)
    const tls = yield* Effect.mapError(
      tlsOf({
        certificate: Option.getOrUndefined(given.tlsCert),
        key: Option.getOrUndefined(given.tlsKey),
        ca: Option.getOrUndefined(given.tlsCa),
        clientAuth: Option.getOrUndefined(given.tlsClientAuth),
        ephemeral: given.tlsEphemeral,
        host: given.listen.host
      }),
      ({ message }) => new Complaint(message, 2)
    )
    const account = Option.isNone(given.credentials)
      ? undefined
      : yield* Either.mapLeft(
        fromFile(
          given.credentials.value,
          ({ message }) => void process.stderr.write(`npu-sim: ${message}\n`)
        ),
        complain(2)
      )
    const journal = Option.isNone(given.journal)
      ? Journal.none
      : yield* Effect.mapError(Journal.open(given.journal.value), complain(1))

    const memory: Effect.Effect<Engines, never, Scope.Scope> = Effect.gen(function*() {
      const engine = yield* EngineClock.make({
        diskBytes: given.disk,
        quirks,
        listensOn: (name) => probes.get(name)?.port
      })
      const ports = yield* Ports.make(engine, given.serviceHost, probes)
      return { backend: ports.around(MemoryBackend.make(engine)), engine, settled: ports.settled }
    })

    // Loaded only where it is asked for: the client of a container engine is large.
    const docker: Effect.Effect<Engines, Complaint> = Effect.gen(function*() {
      const { make } = yield* Effect.promise(() => import("../layers/npu-sim/docker/backend.ts"))
      const backend = yield* Effect.mapError(
        make(given.dockerSocket),
        ({ details }) => new Complaint(`${given.dockerSocket}: ${details}`, 1)
      )
      return { backend, engine: undefined, settled: Effect.void }
    })

    const { backend, engine, settled } = yield* (given.engine === "memory" ? memory : docker)
    const server = yield* serve({
      ...given.listen,
      backend,
      dialect: given.dialect,
      journal,
      chunkSize: given.chunkSize,
      checksShortTransfer: quirks.checksShortTransfer,
      ...(Option.isNone(given.closeIdle) ? {} : { idleMillis: given.closeIdle.value * 1000 }),
      ...(tls === undefined ? {} : { tls }),
      ...(account === undefined ? {} : { credentials: account.metadata })
    }).pipe(Effect.mapError(complain(1)))
    if (Option.isSome(given.admin)) {
      yield* Effect.mapError(serveAdmin(given.admin.value, { server, engine, settled }), complain(1))
    }
    yield* Effect.sync(() => process.stdout.write(`listening on ${formatAddress(server.listener)}\n`))
    return yield* Effect.never
  }))).pipe(Command.withDescription("A stand-in NPU that serves gNOI Containerz."))

const admin = Command.make("admin", {
  admin: Options.text("admin").pipe(
    Options.withPseudoName("PATH"),
    Options.withDescription("the running npu-sim's --admin socket")
  ),
  verb: Args.text({ name: "verb" }).pipe(
    Args.withDefault("help"),
    Args.withDescription("what to do: a verb, or `state`, or `help` for all verbs, as without one")
  ),
  values: Args.text({ name: "value" }).pipe(Args.repeated, Args.withDescription("the verb's arguments, in order"))
}, ({ admin: path, values, verb }) =>
  Effect.tryPromise({
    try: () => command(path, verb, values),
    catch: (cause) => new Complaint((cause as Error).message, 1)
  })).pipe(Command.withDescription("Brings about faults in a running npu-sim, and mends them."))

const command = async (path: string, verb: string, values: ReadonlyArray<string>): Promise<void> => {
  if (verb === "state") {
    process.stdout.write(`${JSON.stringify(await state(path), null, 2)}\n`)
    return
  }
  const known = await verbs(path)
  if (verb === "help") {
    for (const [name, { parameters, summary }] of Object.entries(known)) {
      process.stdout.write(`${[name, ...parameters.map((each) => each.toUpperCase())].join(" ")}\n    ${summary}\n`)
    }
    return
  }
  const found = known[verb]
  if (found === undefined) throw new Error(`there is no verb ${verb}; \`help\` lists what there is`)
  if (values.length > found.parameters.length) {
    throw new Error(`${verb} takes ${found.parameters.length} values at most`)
  }
  const args = values.map((value, index) => [found.parameters[index]!.replace(/\?$/, ""), value] as const)
  await administer(path, verb, Object.fromEntries(args))
}

const run = Command.run(npuSim.pipe(Command.withSubcommands([admin])), { name: "npu-sim", version: "0.1.0" })

/** Options that come with @effect/cli. */
const builtInOptions = ["help", "version", "wizard", "completions", "log-level"]

/** The parser blames an option that it does not know on a missing subcommand: name it instead. */
const checkOptions = (argv: ReadonlyArray<string>): Effect.Effect<void, Complaint> => {
  const words = argv.slice(2)
  const known = new Set([...builtInOptions, ...(words[0] === "admin" ? ["admin"] : Object.keys(options).map(kebab))])
  const unknown = words.find((word) => /^--[a-z]/.test(word) && !known.has(word.slice(2).split("=")[0]!))
  return unknown === undefined
    ? Effect.void
    : Effect.fail(new Complaint(`there is no option ${unknown}; --help lists what there is`, 2))
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

// Who reads the output may stop reading it, as `head` does.
process.stdout.on("error", (error) => {
  if (codeOf(error) === "EPIPE") process.exit(0)
  process.stderr.write(`npu-sim: ${explain("writing the output", error)}\n`)
  process.exit(1)
})

/** What @effect/cli prints, which has colours wherever it goes. */
const printing = (base: Console.Console): Console.Console => {
  const lines = (descriptor: 1 | 2) => (...texts: ReadonlyArray<unknown>) => {
    const text = `${texts.join(" ").trimEnd()}\n`
    const stream = descriptor === 1 ? process.stdout : process.stderr
    return Effect.sync(() => void stream.write(takesColour(descriptor) ? text : withoutColour(text)))
  }
  return { ...base, log: lines(1), error: lines(2) }
}

checkOptions(process.argv).pipe(
  Effect.zipRight(Effect.consoleWith((base) => Effect.withConsole(run(process.argv), printing(base)))),
  Effect.tapError((error) =>
    Effect.sync(() => {
      if (error instanceof Complaint) process.stderr.write(`npu-sim: ${error.sentence}\n`)
    })
  ),
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(exitCode(exit))
  })
)

/** 0 for a signal, 2 for a command line that makes no sense, 1 for the rest. */
const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit) || Cause.isInterruptedOnly(exit.cause)) return 0
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (failure === undefined) {
    process.stderr.write(`npu-sim: ${Cause.pretty(exit.cause)}\n`)
    return 1
  }
  if (failure instanceof Complaint) return failure.exitCode
  return ValidationError.isValidationError(failure) ? 2 : 1
}
