/**
 * What a failed call means, judged from its status and from where that status
 * arose. The class, not the code, is what the offloader decides by; what follows
 * from each is the policy's table (`src/policy/calls.ts`).
 */
import * as Data from "effect/Data"

import type { ErrorClass } from "../policy/calls.ts"
import type { MethodName } from "./messages.ts"
import type { GrpcCode, WireError } from "./wire.ts"

export type NpuErrorClass = ErrorClass

/** A call to the NPU that did not succeed; `message` is a sentence for people. */
export class NpuError extends Data.TaggedError("NpuError")<{
  readonly class: NpuErrorClass
  readonly method: MethodName
  readonly reason: string
}> {
  override get message(): string {
    return this.reason
  }
}

const peerClass: Record<GrpcCode, NpuErrorClass> = {
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
  // From the peer this is never loss of the transport: port used, image in use,
  // update in progress, wrong first message.
  UNAVAILABLE: "Conflict",
  DATA_LOSS: "ServerFault",
  UNAUTHENTICATED: "Denied"
}

const localClass: Partial<Record<GrpcCode, NpuErrorClass>> = {
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

/** Classifies a failed call. */
export const classify = (endpoint: string, error: WireError): NpuError => {
  const errorClass = error.origin === "peer" ? peerClass[error.code] : localClass[error.code] ?? "Unreachable"
  const details = error.details.trim()
  return new NpuError({
    class: errorClass,
    method: error.method,
    reason: `${explain[errorClass](error.method, endpoint)} (${error.code}${details === "" ? "" : `: ${details}`})`
  })
}
