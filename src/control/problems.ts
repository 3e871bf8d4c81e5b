/**
 * What the control API answers when it cannot do as asked. Each is a sentence
 * and, over HTTP, a status code (`statusOf`); `offloadctl` maps them to its exit
 * codes.
 */
import * as Schema from "effect/Schema"

/** 404: no container of this DPU has that name. `offloadctl` exits 2. */
export class UnknownContainer extends Schema.TaggedError<UnknownContainer>()(
  "UnknownContainer",
  { message: Schema.String, known: Schema.Array(Schema.String) }
) {}

/** 404: no such operation; operations are forgotten when the daemon restarts. `offloadctl` exits 1. */
export class UnknownOperation extends Schema.TaggedError<UnknownOperation>()(
  "UnknownOperation",
  { message: Schema.String }
) {}

/** 503: the intent could not be made durable, so it was not taken. `offloadctl` exits 1. */
export class NotRecorded extends Schema.TaggedError<NotRecorded>()(
  "NotRecorded",
  { message: Schema.String }
) {}

/** 409: it cannot be done as things stand, and the message says what can. `offloadctl` exits 1. */
export class Declined extends Schema.TaggedError<Declined>()(
  "Declined",
  { message: Schema.String }
) {}

/** 409: another transfer to this NPU is under way. `offloadctl` exits 1. */
export class Busy extends Schema.TaggedError<Busy>()(
  "Busy",
  { message: Schema.String, operation: Schema.String }
) {}

/** 404: the NPU does not give this output, or none was kept. `offloadctl` exits 1. */
export class NoLog extends Schema.TaggedError<NoLog>()(
  "NoLog",
  { message: Schema.String }
) {}

/** 503: only the NPU could answer, and it cannot be reached. `offloadctl` exits 5. */
export class NpuUnreachable extends Schema.TaggedError<NpuUnreachable>()(
  "NpuUnreachable",
  { message: Schema.String }
) {}

/** 400: the request is not one that the API knows. `offloadctl` exits 2. */
export class BadRequest extends Schema.TaggedError<BadRequest>()(
  "BadRequest",
  { message: Schema.String }
) {}

/** 404: the API has no such path, or not by that method. */
export class UnknownPath extends Schema.TaggedError<UnknownPath>()(
  "UnknownPath",
  { message: Schema.String }
) {}

/** 413: the request's body is longer than `bodyLimit`. */
export class TooLarge extends Schema.TaggedError<TooLarge>()(
  "TooLarge",
  { message: Schema.String }
) {}

/** 500: the daemon failed inside; its log says how. `offloadctl` exits 1. */
export class InternalError extends Schema.TaggedError<InternalError>()(
  "InternalError",
  { message: Schema.String }
) {}

/** Every answer that is not a success. */
export const Problem = Schema.Union(
  UnknownContainer,
  UnknownOperation,
  NotRecorded,
  Busy,
  Declined,
  NoLog,
  NpuUnreachable,
  BadRequest,
  UnknownPath,
  TooLarge,
  InternalError
)
export type Problem = typeof Problem.Type

/** As they stand in an answer's body. */
export type ProblemView = typeof Problem.Encoded
export type ProblemTag = ProblemView["_tag"]
export type ProblemOf<Tag extends ProblemTag> = Extract<ProblemView, { readonly _tag: Tag }>

/** The HTTP status of each. */
export const statusOf: Readonly<Record<ProblemTag, number>> = {
  UnknownContainer: 404,
  UnknownOperation: 404,
  NotRecorded: 503,
  Busy: 409,
  Declined: 409,
  NoLog: 404,
  NpuUnreachable: 503,
  BadRequest: 400,
  UnknownPath: 404,
  TooLarge: 413,
  InternalError: 500
}

/** The longest body of a request, in bytes. */
export const bodyLimit = 64 * 1024
