/** The daemon as the verbs see it: the control API, typed. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

import type { ProblemOf, ProblemTag, ProblemView } from "../control/problems.ts"
import {
  ContainerList,
  ContainerStatus,
  type DeployRequest,
  DeployStatus,
  IntentAccepted,
  RetryAccepted,
  VersionView
} from "../control/views.ts"
import { type Answer, BadReply, type Exchange, type ExchangeError, type Method } from "./exchange.ts"
import { plain } from "./text.ts"

/** What can go wrong with any request. */
export type ClientError = ExchangeError | ProblemOf<"BadRequest" | "UnknownPath" | "TooLarge" | "InternalError">

type UnknownContainer = ProblemOf<"UnknownContainer">
type UnknownOperation = ProblemOf<"UnknownOperation">
type NotRecorded = ProblemOf<"NotRecorded">
type Busy = ProblemOf<"Busy">
type Declined = ProblemOf<"Declined">

export interface ControlClientShape {
  readonly list: Effect.Effect<ContainerList, ClientError>
  readonly status: (container: string) => Effect.Effect<ContainerStatus, ClientError | UnknownContainer>
  /** Records the intent; answers once it is durable. */
  readonly start: (container: string) => Effect.Effect<IntentAccepted, ClientError | UnknownContainer | NotRecorded>
  /** Records the intent; answers once it is durable. */
  readonly stop: (container: string) => Effect.Effect<IntentAccepted, ClientError | UnknownContainer | NotRecorded>
  /** Ends what one container, or each of them, waits for by the clock. */
  readonly retry: (container: string | undefined) => Effect.Effect<RetryAccepted, ClientError | UnknownContainer>
  /** Begins a transfer; `deployment` tells how it goes. */
  readonly deploy: (request: DeployRequest) => Effect.Effect<DeployStatus, ClientError | Busy>
  readonly deployment: (operation: string) => Effect.Effect<DeployStatus, ClientError | UnknownOperation>
  /** Ends an operator's transfer; one of the offloader's own is not cancelled. */
  readonly cancel: (operation: string) => Effect.Effect<DeployStatus, ClientError | UnknownOperation | Declined>
  /** The policy in force, as JSON: the quick verbs shall not pay for its schema. */
  readonly policy: Effect.Effect<unknown, ClientError>
  /** The NPU's own status, as JSON for the same reason. */
  readonly npu: Effect.Effect<unknown, ClientError>
  readonly version: Effect.Effect<VersionView, ClientError>
  /** The daemon's own version, where its answers are not understood; undefined where not even that can be had. */
  readonly daemonVersion: Effect.Effect<string | undefined>
  /** What is done about versions; as JSON, like all of upgrades: the quick verbs shall not pay for their schemas. */
  readonly plan: Effect.Effect<unknown, ClientError>
  readonly order: (order: Order, request: object) => Effect.Effect<unknown, ClientError | NotRecorded | Declined>
  readonly images: Effect.Effect<unknown, ClientError | ProblemOf<"NpuUnreachable"> | Declined>
}

/** An operator's order about upgrades. */
export type Order = "upgrade" | "rollback" | "release" | "pause" | "resume"

export class ControlClient extends Context.Tag("offloadctl/ControlClient")<ControlClient, ControlClientShape>() {}

/** The client over any exchange. */
export const make = (exchange: Exchange): ControlClientShape => {
  /** One call: the errors that its endpoint can answer with are in `E`; any other is a reply that makes no sense. */
  const call = <E extends ProblemTag = never>(...expected: ReadonlyArray<E>) => {
    const known: ReadonlyArray<string> = [...anywhere, ...expected]
    return <A, I>(schema: Schema.Schema<A, I>, method: Method, path: string, body?: object) =>
      Effect.flatMap(
        exchange(method, path, body === undefined ? undefined : JSON.stringify(body)),
        (answer): Effect.Effect<A, ClientError | ProblemOf<E>> => {
          if (answer.status < 300) return decodeView(schema, answer, daemonVersion)
          const problem = decodeProblem(answer)
          return Effect.fail(
            problem._tag !== "BadReply" && !known.includes(problem._tag)
              ? new BadReply({
                message: `offloadd answered ${method} ${path} with ${problem._tag}: ${problem.message}`
              })
              : problem as ProblemOf<E>
          )
        }
      )
  }
  const daemonVersion = exchange("GET", "/v1/version").pipe(
    Effect.map(({ body }) => Option.getOrUndefined(decodeDaemon(body))?.daemon),
    Effect.orElseSucceed(() => undefined)
  )
  const one = (name: string) => `/v1/containers/${segment(name)}`
  const operation = (id: string) => `/v1/deployments/${segment(id)}`
  return {
    list: call()(ContainerList, "GET", "/v1/containers"),
    status: (name) => call("UnknownContainer")(ContainerStatus, "GET", one(name)),
    start: (name) => call("UnknownContainer", "NotRecorded")(IntentAccepted, "POST", `${one(name)}/start`),
    stop: (name) => call("UnknownContainer", "NotRecorded")(IntentAccepted, "POST", `${one(name)}/stop`),
    retry: (name) =>
      call("UnknownContainer")(RetryAccepted, "POST", name === undefined ? "/v1/retry" : `${one(name)}/retry`, {}),
    deploy: (request) => call("Busy")(DeployStatus, "POST", "/v1/deployments", request),
    deployment: (id) => call("UnknownOperation")(DeployStatus, "GET", operation(id)),
    cancel: (id) => call("UnknownOperation", "Declined")(DeployStatus, "DELETE", operation(id)),
    policy: call()(Schema.Unknown, "GET", "/v1/policy"),
    npu: call()(Schema.Unknown, "GET", "/v1/npu"),
    version: call()(VersionView, "GET", "/v1/version"),
    daemonVersion,
    plan: call()(Schema.Unknown, "GET", "/v1/upgrade"),
    order: (order, request) => call("NotRecorded", "Declined")(Schema.Unknown, "POST", `/v1/${order}`, request),
    images: call("NpuUnreachable", "Declined")(Schema.Unknown, "GET", "/v1/images")
  }
}

/** A name as one segment of a path; half a character, which a path cannot hold, becomes the sign for what is none. */
export const segment = (name: string): string => encodeURIComponent(name.toWellFormed())

const anywhere: ReadonlyArray<ProblemTag> = ["BadRequest", "UnknownPath", "TooLarge", "InternalError"]

/** Every problem there is; by hand, since the schemas of them all cost a tenth of the start. */
const problemTags: Readonly<Record<ProblemTag, true>> = {
  UnknownContainer: true,
  UnknownOperation: true,
  NotRecorded: true,
  Busy: true,
  Declined: true,
  NoLog: true,
  NpuUnreachable: true,
  BadRequest: true,
  UnknownPath: true,
  TooLarge: true,
  InternalError: true
}

/** What a reply with an error status says. */
export const decodeProblem = (answer: Answer): ProblemView | BadReply => {
  const json = Either.getOrUndefined(parse(answer.body))
  if (typeof json === "object" && json !== null && "_tag" in json && "message" in json) {
    const { _tag, message } = json
    if (typeof _tag === "string" && Object.hasOwn(problemTags, _tag) && typeof message === "string") {
      return json as ProblemView
    }
  }
  return new BadReply({ message: `offloadd answered with status ${answer.status} and no reason` })
}

/** Said of an answer that is none of this program's contract. */
export const misunderstood = (what: string, version: string | undefined): string =>
  `offloadd's ${what} is not understood; it ${
    version === undefined
      ? "may be of another version than offloadctl"
      : `is of version ${plain(version)}, perhaps another version than offloadctl's`
  }`

const decodeView = <A, I>(
  schema: Schema.Schema<A, I>,
  answer: Answer,
  daemonVersion: ControlClientShape["daemonVersion"]
): Effect.Effect<A, BadReply> =>
  Either.match(Either.flatMap(parse(answer.body), Schema.decodeUnknownEither(schema)), {
    onLeft: (error) =>
      Effect.flatMap(daemonVersion, (version) =>
        new BadReply({
          message: `${misunderstood("answer", version)} (${
            error instanceof ParseResult.ParseError ? firstFault(error) : error.message
          })`
        })),
    onRight: Effect.succeed
  })

const firstFault = (error: ParseResult.ParseError): string => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  return issue === undefined ? error.message : `${issue.path.map(String).join(".")}: ${issue.message}`
}

const decodeDaemon = Schema.decodeUnknownOption(Schema.parseJson(Schema.Struct({ daemon: Schema.String })))

const parse = (body: string): Either.Either<unknown, Error> =>
  Either.try({ try: () => JSON.parse(body) as unknown, catch: (error) => error as Error })
