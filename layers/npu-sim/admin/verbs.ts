/**
 * What an administrator can do to the stand-in NPU. Each verb has a sentence,
 * its arguments in the order in which a command line gives them, and its deed.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

import { parse as parseImage } from "../../../src/model/image.ts"
import { grpcCodes } from "../../../src/npu/wire.ts"
import { parse as parseBehaviour, probeModes } from "../engine/behaviour.ts"
import type { Engine } from "../engine/engine.ts"
import { type Answer, type Refusal, refusal, refuse } from "../engine/reply.ts"
import type { MethodPattern } from "../server/gate.ts"
import * as Gate from "../server/gate.ts"
import type { NpuServer } from "../server/serve.ts"

export interface Administered {
  readonly server: NpuServer
  /** Absent where a real container engine stands behind the server. */
  readonly engine: Engine | undefined
  /** Done when ports and connections are as the verb left them. */
  readonly settled: Effect.Effect<void>
}

export interface Verb {
  readonly summary: string
  /** Names in order; those that end in `?` may be left out. */
  readonly parameters: ReadonlyArray<string>
  /** Left is what is wrong with the arguments. */
  readonly run: (to: Administered, input: unknown) => Either.Either<Effect.Effect<void, Refusal>, string>
}

const whole = Schema.Union(Schema.NonNegativeInt, Schema.NumberFromString.pipe(Schema.int(), Schema.nonNegative()))
const count = Schema.optionalWith(whole, { default: () => 1 })
const container = Schema.NonEmptyString

const image = Schema.String.pipe(
  Schema.filter((text) => Either.match(parseImage(text), { onLeft: (why) => why, onRight: () => undefined }))
)
const behaviour = Schema.String.pipe(
  Schema.filter((text) => Either.match(parseBehaviour(text), { onLeft: (why) => why, onRight: () => undefined }))
)

const methods = [
  "*",
  "Deploy",
  "ListImage",
  "RemoveImage",
  "ListContainer",
  "StartContainer",
  "StopContainer",
  "RemoveContainer",
  "UpdateContainer",
  "Log",
  "CreateVolume",
  "RemoveVolume",
  "ListVolume",
  "Time",
  "Verify"
] as const satisfies ReadonlyArray<MethodPattern>
const method = Schema.Literal(...methods)

const verb = <Fields extends Schema.Struct.Fields>(
  summary: string,
  fields: Fields,
  deed: (to: Administered, args: Schema.Struct.Type<Fields>) => Effect.Effect<void, Refusal>
): Verb => {
  const schema = Schema.Struct(fields)
  const decode = Schema.decodeUnknownEither(schema as unknown as Schema.Schema<Schema.Struct.Type<Fields>, unknown>, {
    onExcessProperty: "error",
    errors: "all"
  })
  return {
    summary,
    parameters: Object.entries(fields).map(([name, field]) => Schema.isPropertySignature(field) ? `${name}?` : name),
    run: (to, input) =>
      Either.mapBoth(decode(input), {
        onLeft: (error) =>
          ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => `${path.join(".")} ${message}`)
            .join("; "),
        onRight: (args) => Effect.zipRight(Effect.suspend(() => deed(to, args)), to.settled)
      })
  }
}

/** A verb that only the in-memory engine understands. */
const engineVerb = <Fields extends Schema.Struct.Fields>(
  summary: string,
  fields: Fields,
  deed: (engine: Engine, args: Schema.Struct.Type<Fields>) => Answer<void> | void
): Verb =>
  verb(summary, fields, ({ engine }, args) => {
    if (engine === undefined) return refuse("UNIMPLEMENTED", "only the in-memory engine can do this")
    return deed(engine, args) ?? Effect.void
  })

const named = (text: string) => Either.getOrThrow(parseImage(text))

export const verbs: Readonly<Record<string, Verb>> = {
  // ---------------------------------------------------------- one container
  crash: engineVerb(
    "ends a container's process; the container stays as a leftover unless its restart policy brings it back",
    { container, exitCode: Schema.optionalWith(whole, { default: () => 139 }) },
    (engine, args) => engine.crash(args.container, args.exitCode)
  ),
  vanish: engineVerb(
    "makes a container disappear without a trace",
    { container },
    (engine, args) => engine.vanish(args.container)
  ),
  probe: engineVerb(
    `has a container's port answer otherwise: ${probeModes.join(", ")}`,
    { container, mode: Schema.Literal(...probeModes) },
    (engine, args) => engine.probe(args.container, args.mode)
  ),
  "foreign-stop": engineVerb(
    "stops a container as another client would",
    { container },
    (engine, args) => engine.foreignStop(args.container)
  ),
  "foreign-replace": engineVerb(
    "puts a container of another image in a container's place",
    { container, image },
    (engine, args) => engine.foreignReplace(args.container, named(args.image))
  ),
  unspecified: engineVerb(
    "has lists show a container as UNSPECIFIED, or (off) as it is",
    { container, to: Schema.optionalWith(Schema.Literal("on", "off"), { default: () => "on" as const }) },
    (engine, args) => engine.unspecified(args.container, args.to === "on")
  ),
  // ---------------------------------------------------------- images
  behave: engineVerb(
    "has containers of an image behave so from their next start: crash-at-start, crash-after:60s, never-healthy, "
      + "probe:hang, healthy-after:5s, bad-command, ignores-stop; an empty text is good behaviour",
    { image, behaviour },
    (engine, args) => engine.setBehaviour(named(args.image), Either.getOrThrow(parseBehaviour(args.behaviour)))
  ),
  "vanish-image": engineVerb(
    "makes an image disappear, in use or not",
    { image },
    (engine, args) => engine.vanishImage(named(args.image))
  ),
  corrupt: engineVerb(
    "damages the next archives on their way: they cannot be loaded",
    { count },
    (engine, args) => engine.corruptDeploys(args.count)
  ),
  "lose-deploys": engineVerb(
    "calls the next deploys a success and loads nothing",
    { count },
    (engine, args) => engine.loseDeploys(args.count)
  ),
  // ---------------------------------------------------------- the NPU
  prune: engineVerb("removes all stopped containers and images without a name", {}, (engine) => engine.prune()),
  "empty-list": engineVerb(
    "answers the next lists of containers empty, complete and with OK",
    { count },
    (engine, args) => engine.emptyLists(args.count)
  ),
  "fill-disk": engineVerb(
    "fills the disk but for so many bytes",
    { left: Schema.optionalWith(whole, { default: () => 0 }) },
    (engine, args) => engine.fillDisk(args.left)
  ),
  "clear-disk": engineVerb("takes away what filled the disk", {}, (engine) => engine.clearDisk()),
  "set-disk": engineVerb(
    "sets the disk's size, bytes",
    { bytes: whole },
    (engine, args) => engine.setDisk(args.bytes)
  ),
  "block-port": engineVerb(
    "has something that is no container take a port",
    { port: whole },
    (engine, args) => engine.blockPort(args.port, true)
  ),
  "free-port": engineVerb("gives a port back", { port: whole }, (engine, args) => engine.blockPort(args.port, false)),
  reboot: verb(
    "reboots: connections break, containers are gone (or left stopped), and after so many ms it listens again",
    {
      left: Schema.optionalWith(Schema.Literal("gone", "stopped"), { default: () => "gone" as const }),
      millis: Schema.optionalWith(whole, { default: () => 0 })
    },
    ({ engine, server, settled }, args) =>
      engine === undefined
        ? refuse("UNIMPLEMENTED", "only the in-memory engine can do this")
        : Effect.gen(function*() {
          yield* server.listener.goAway
          engine.reboot(args.left)
          yield* settled
          const back = Effect.delay(comeBack(server), args.millis)
          if (args.millis === 0) yield* back
          else yield* Effect.forkDaemon(Effect.ignore(back))
        })
  ),
  // ---------------------------------------------------------- the server
  "go-away": verb(
    "closes all connections and listens no more, until come-back",
    {},
    ({ server }) => server.listener.goAway
  ),
  refuse: verb(
    "refuses new connections and keeps those that are, until come-back",
    {},
    ({ server }) => server.listener.refuse
  ),
  cut: verb("breaks all connections and goes on listening", {}, ({ server }) => server.listener.cut),
  stall: verb(
    "takes calls and never answers nor acts on them, until come-back",
    {},
    ({ server }) => Effect.sync(() => void (server.gate.stalled = true))
  ),
  silence: verb(
    "accepts connections and says nothing on any, until come-back",
    {},
    ({ server }) => server.listener.silence
  ),
  "come-back": verb(
    "listens and answers again; ends stall, slow, fail and lose-answers as well",
    {},
    ({ server }) => Effect.zipRight(Effect.sync(() => Gate.clear(server.gate)), comeBack(server))
  ),
  slow: verb(
    "acts on calls of a method, or on all whatever was said of one, only after so many ms; 0 ends it",
    { millis: whole, method: Schema.optionalWith(method, { default: () => "*" as const }) },
    ({ server }, args) => Effect.sync(() => Gate.slow(server.gate, args.method, args.millis))
  ),
  fail: verb(
    "refuses the next calls with a status, without acting on them",
    {
      method,
      code: Schema.Literal(...grpcCodes),
      count,
      details: Schema.optionalWith(Schema.String, { default: () => "told to fail" })
    },
    ({ server }, args) =>
      Effect.sync(() =>
        void server.gate.failures.set(args.method, { code: args.code, details: args.details, left: args.count })
      )
  ),
  "fail-in-band": verb(
    "answers the next calls with OK and an error's number in the answer, without acting on them",
    {
      method: Schema.Literal("StartContainer", "StopContainer", "RemoveContainer", "UpdateContainer", "RemoveImage"),
      number: whole,
      count,
      details: Schema.optionalWith(Schema.String, { default: () => "told to fail" })
    },
    ({ server }, { count: left, details, method: name, number: inBand }) =>
      server.dialect === "inband"
        ? Effect.sync(() => void server.gate.failures.set(name, { code: "UNKNOWN", details, inBand, left }))
        : refuse("FAILED_PRECONDITION", "only a server of the inband dialect can do this")
  ),
  "lose-answers": verb(
    "acts on the next calls and never answers them",
    { method, count },
    ({ server }, args) => Effect.sync(() => void server.gate.lostAnswers.set(args.method, args.count))
  )
}

const comeBack = (server: NpuServer): Effect.Effect<void, Refusal> =>
  Effect.mapError(server.listener.comeBack, ({ reason }) => refusal("UNAVAILABLE", reason))
