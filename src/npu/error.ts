/**
 * What a failed call means, judged from its status, from the call and from where
 * the status arose. The class, not the code, is what the offloader decides by;
 * what follows from each is the policy's table (`src/policy/calls.ts`).
 */
import * as Data from "effect/Data"

import type { TransportFault } from "../model/transport-fault.ts"
import type { ErrorClass } from "../policy/calls.ts"
import { nameOfToday } from "./dialect.ts"
import type { InBandError } from "./in-band.ts"
import type { MethodName, RpcStatus } from "./messages.ts"
import { type GrpcCode, grpcCodes, type WireError } from "./wire.ts"

export type NpuErrorClass = ErrorClass

/**
 * Where an error arose: on the way, in a status of the server's, in an answer of
 * the server's that ended well, or in the judgement of what was answered.
 */
export type ErrorOrigin = "transport" | "server" | "in-band" | "client"

interface Failure {
  readonly class: NpuErrorClass
  readonly origin: ErrorOrigin
  readonly method: MethodName
  readonly reason: string
  /** What is wrong with the transport, where that is the cause. */
  readonly fault?: TransportFault
}

/**
 * A call to the NPU that did not succeed; `message` is a sentence for people.
 * What a server says in it is cut off where it does not end: it goes into events,
 * the log and answers, and a message may hold megabytes.
 */
export class NpuError extends Data.TaggedError("NpuError")<Failure> {
  constructor(failure: Failure) {
    super({ ...failure, reason: bounded(failure.reason) })
  }

  override get message(): string {
    return this.reason
  }
}

const unanswered: ReadonlySet<NpuErrorClass> = new Set(["Unreachable", "TimedOut", "Cancelled"])

/** Whoever answers with a status of its own is there; whom it does not let in, it is not there for. */
export const isAnswered = (error: NpuError): boolean => !unanswered.has(error.class) && error.fault === undefined

const serverClass: Record<GrpcCode, NpuErrorClass> = {
  CANCELLED: "ServerFault",
  UNKNOWN: "ServerFault",
  INVALID_ARGUMENT: "Invalid",
  DEADLINE_EXCEEDED: "TimedOut",
  NOT_FOUND: "NotFound",
  ALREADY_EXISTS: "AlreadyExists",
  PERMISSION_DENIED: "Denied",
  RESOURCE_EXHAUSTED: "NoRoom",
  FAILED_PRECONDITION: "Conflict",
  ABORTED: "Conflict",
  OUT_OF_RANGE: "Invalid",
  UNIMPLEMENTED: "Unsupported",
  INTERNAL: "ServerFault",
  // Never loss of the transport, which is told on this side; `unavailable` tells the rest apart.
  UNAVAILABLE: "ServerFault",
  DATA_LOSS: "ServerFault",
  UNAUTHENTICATED: "Denied"
}

/** Where one call's status means something else than everybody's. */
const serverExceptions: Partial<Record<MethodName, Partial<Record<GrpcCode, NpuErrorClass>>>> = {
  // A restart policy or a user that the server does not take.
  StartContainer: { FAILED_PRECONDITION: "Invalid" },
  // The reference server's word for a container that it does not have.
  Log: { UNKNOWN: "NotFound" }
}

/**
 * Servers say UNAVAILABLE for what they refuse as things stand: a port used, an
 * image in use, an update in progress, a deploy that began with the wrong
 * message. Any other comes from a server that is going down or from something in
 * between, and tells nothing of what became of the call.
 */
const refusedAsThingsStand =
  /\b(?:in use|is using|used by|in progress|busy|(?:port|address)\b.*\b(?:used|in use|allocated)|already (?:used|allocated)|begins? with|first message|image_transfer)\b/i

const transportClass: Partial<Record<GrpcCode, NpuErrorClass>> = {
  UNAVAILABLE: "Unreachable",
  DEADLINE_EXCEEDED: "TimedOut",
  CANCELLED: "Cancelled",
  // A broken HTTP/2 stream surfaces as one of these, made on this side.
  INTERNAL: "Unreachable",
  UNKNOWN: "Unreachable",
  DATA_LOSS: "SourceFailed",
  FAILED_PRECONDITION: "BadAnswer",
  ABORTED: "BadAnswer",
  RESOURCE_EXHAUSTED: "BadAnswer",
  INVALID_ARGUMENT: "Invalid",
  UNIMPLEMENTED: "Unsupported"
}

const explain: Record<NpuErrorClass, (method: string, endpoint: string) => string> = {
  Unreachable: (method, endpoint) => `the connection to ${endpoint} failed during ${method}`,
  TimedOut: (method, endpoint) => `${endpoint} did not answer ${method} in time`,
  Cancelled: (method) => `${method} was cancelled`,
  NotFound: (method) => `${method}: the NPU does not have it`,
  AlreadyExists: (method) => `${method}: the name is taken on the NPU`,
  Conflict: (method) => `the NPU refused ${method} as things stand`,
  NoRoom: (method) => `the NPU has no room for ${method}`,
  Invalid: (method) => `the NPU calls the ${method} request wrong`,
  Denied: (method) => `the NPU does not permit ${method}`,
  Unsupported: (method) => `the NPU does not offer ${method}`,
  ServerFault: (method) => `the NPU failed inside during ${method}`,
  BadAnswer: (method) => `the NPU's answer to ${method} makes no sense`,
  SourceFailed: (method) => `${method}: the archive could not be read to its end`
}

/** The longest reason, characters. */
const longestReason = 1000

/** Joined anew, since a slice would keep all of the text in memory. */
const bounded = (text: string): string =>
  text.length <= longestReason
    ? text
    : `${Array.from(text.slice(0, longestReason)).join("")}… (${text.length - longestReason} characters more)`

/** Classifies a failed call. */
export const classify = (endpoint: string, error: WireError): NpuError => {
  const details = error.details.trim()
  const fault = error.origin === "peer" && error.code === "UNAUTHENTICATED" ? "Unauthenticated" : error.fault
  return failure(
    endpoint,
    error.method,
    error.origin === "peer" ? "server" : "transport",
    error.origin === "peer"
      ? classOfStatus(error.method, error.code, details)
      : transportClass[error.code] ?? "Unreachable",
    error.code,
    details,
    fault
  )
}

/** An error within an answer that ended well. */
export const classifyInBand = (endpoint: string, method: MethodName, error: InBandError): NpuError =>
  failure(endpoint, method, "in-band", error.class, error.name, error.detail.trim())

/** The server's word at the end of a transfer whose stream ended well. */
export const classifyTransfer = (endpoint: string, { code, message }: RpcStatus): NpuError => {
  const name = grpcCodes[code - 1]
  const details = message.trim()
  return failure(
    endpoint,
    "Deploy",
    "in-band",
    name === undefined ? "ServerFault" : classOfStatus("Deploy", name, details),
    name ?? `status ${code}`,
    details
  )
}

const classOfStatus = (method: MethodName, code: GrpcCode, details: string): NpuErrorClass =>
  code === "UNAVAILABLE" && refusedAsThingsStand.test(details)
    ? "Conflict"
    : serverExceptions[nameOfToday(method)]?.[code] ?? serverClass[code]

const failure = (
  endpoint: string,
  method: MethodName,
  origin: ErrorOrigin,
  errorClass: NpuErrorClass,
  name: string,
  details: string,
  fault?: TransportFault
): NpuError =>
  new NpuError({
    class: errorClass,
    origin,
    method,
    reason: `${explain[errorClass](method, endpoint)} (${name}${details === "" ? "" : `: ${details}`})`,
    ...(fault === undefined ? {} : { fault })
  })
