/**
 * What the control API answers when it cannot do as asked. Each is a sentence
 * and, over HTTP, a status code; `offloadctl` maps them to its exit codes.
 */
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as Schema from "effect/Schema"

/** 404: no container of this DPU has that name. `offloadctl` exits 2. */
export class UnknownContainer extends Schema.TaggedError<UnknownContainer>()(
  "UnknownContainer",
  { message: Schema.String, known: Schema.Array(Schema.String) },
  HttpApiSchema.annotations({ status: 404 })
) {}

/** 404: no such operation; operations are forgotten when the daemon restarts. */
export class UnknownOperation extends Schema.TaggedError<UnknownOperation>()(
  "UnknownOperation",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 404 })
) {}

/** 503: the intent could not be made durable, so it was not taken. `offloadctl` exits 1. */
export class NotRecorded extends Schema.TaggedError<NotRecorded>()(
  "NotRecorded",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 503 })
) {}

/** 409: another transfer to this NPU is under way. `offloadctl` exits 1. */
export class Busy extends Schema.TaggedError<Busy>()(
  "Busy",
  { message: Schema.String, operation: Schema.String },
  HttpApiSchema.annotations({ status: 409 })
) {}

/** 400: the request is not one that the API knows. `offloadctl` exits 2. */
export class BadRequest extends Schema.TaggedError<BadRequest>()(
  "BadRequest",
  { message: Schema.String },
  HttpApiSchema.annotations({ status: 400 })
) {}
