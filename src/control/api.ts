/**
 * The control API's contract: HTTP on a unix socket. One place for paths,
 * payloads, answers and errors; the daemon fulfils it, `offloadctl openapi`
 * prints it, `curl --unix-socket` can speak it.
 */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiSchema from "@effect/platform/HttpApiSchema"
import * as OpenApi from "@effect/platform/OpenApi"
import * as Schema from "effect/Schema"

import { NpuStatus } from "./npu-status.ts"
import { PolicyView } from "./policy-view.ts"
import {
  BadRequest,
  Busy,
  Declined,
  InternalError,
  NoLog,
  NotRecorded,
  NpuUnreachable,
  statusOf,
  TooLarge,
  UnknownContainer,
  UnknownOperation,
  UnknownPath
} from "./problems.ts"
import { ImagesView, OrderTaken, ReleaseRequest, UpgradeRequest, UpgradeView } from "./upgrade-views.ts"
import {
  ContainerList,
  ContainerStatus,
  DeployRequest,
  DeployStatus,
  IntentAccepted,
  RetryAccepted,
  VersionView
} from "./views.ts"

const unknownContainer = { status: statusOf.UnknownContainer }
const unknownOperation = { status: statusOf.UnknownOperation }
const notRecorded = { status: statusOf.NotRecorded }

/** A body with a field is refused: whoever wrote it meant something that would not happen. */
const nothing = Schema.Record({ key: Schema.String, value: Schema.Unknown }).pipe(
  Schema.filter((fields) => Object.keys(fields).map((field) => ({ path: [field], message: "is unexpected" })))
)

/** By instance (`gnmidpu0`) or by service (`gnmi`). */
const container = HttpApiSchema.param("container", Schema.NonEmptyString)
const operation = HttpApiSchema.param("operation", Schema.NonEmptyString)

const containers = HttpApiGroup.make("containers")
  .add(HttpApiEndpoint.get("list")`/v1/containers`.addSuccess(ContainerList))
  .add(
    HttpApiEndpoint.get("status")`/v1/containers/${container}`
      .addSuccess(ContainerStatus)
      .addError(UnknownContainer, unknownContainer)
  )
  .add(
    HttpApiEndpoint.post("start")`/v1/containers/${container}/start`
      .setPayload(nothing)
      .addSuccess(IntentAccepted, { status: 202 })
      .addError(UnknownContainer, unknownContainer)
      .addError(NotRecorded, notRecorded)
  )
  .add(
    HttpApiEndpoint.post("stop")`/v1/containers/${container}/stop`
      .setPayload(nothing)
      .addSuccess(IntentAccepted, { status: 202 })
      .addError(UnknownContainer, unknownContainer)
      .addError(NotRecorded, notRecorded)
  )
  /**
   * The container's output as text: what it has said so far, with `follow=true`
   * what it says until it stops; with `previous=true` the last of what the
   * instance before it said, as far as it was kept. Output that breaks off before
   * its end says why in a trailer (`problemTrailer`).
   */
  .add(
    HttpApiEndpoint.get("logs")`/v1/containers/${container}/logs`
      .setUrlParams(
        Schema.Struct({
          follow: Schema.optional(Schema.BooleanFromString),
          previous: Schema.optional(Schema.BooleanFromString)
        }).annotations({ parseOptions: { errors: "all", onExcessProperty: "error" } })
      )
      .addSuccess(Schema.String.pipe(HttpApiSchema.withEncoding({ kind: "Text", contentType: "text/plain" })))
      .addError(UnknownContainer, unknownContainer)
      .addError(NoLog, { status: statusOf.NoLog })
      .addError(NpuUnreachable, { status: statusOf.NpuUnreachable })
  )
  /** Ends what the container waits for by the clock. Changes no intent. */
  .add(
    HttpApiEndpoint.post("retry")`/v1/containers/${container}/retry`
      .setPayload(nothing)
      .addSuccess(RetryAccepted, { status: 202 })
      .addError(UnknownContainer, unknownContainer)
  )
  /** The same for all. */
  .add(HttpApiEndpoint.post("retryAll", "/v1/retry").setPayload(nothing).addSuccess(RetryAccepted, { status: 202 }))

const declined = { status: statusOf.Declined }

const deployments = HttpApiGroup.make("deployments")
  .add(
    HttpApiEndpoint.post("deploy", "/v1/deployments")
      .setPayload(DeployRequest)
      .addSuccess(DeployStatus, { status: 202 })
      .addError(Busy, { status: statusOf.Busy })
  )
  .add(
    HttpApiEndpoint.get("deployment")`/v1/deployments/${operation}`
      .addSuccess(DeployStatus)
      .addError(UnknownOperation, unknownOperation)
  )
  /** Cancels an operator's transfer on the wire; the answer is the state at that moment. */
  .add(
    HttpApiEndpoint.del("cancel")`/v1/deployments/${operation}`
      .addSuccess(DeployStatus)
      .addError(UnknownOperation, unknownOperation)
      .addError(Declined, declined)
  )

const upgrades = HttpApiGroup.make("upgrades")
  /** What is done about versions now and why, without doing anything. */
  .add(HttpApiEndpoint.get("plan", "/v1/upgrade").addSuccess(UpgradeView))
  .add(
    HttpApiEndpoint.post("upgrade", "/v1/upgrade")
      .setPayload(UpgradeRequest)
      .addSuccess(OrderTaken, { status: 202 })
      .addError(NotRecorded, notRecorded)
      .addError(Declined, declined)
  )
  .add(
    HttpApiEndpoint.post("rollback", "/v1/rollback")
      .setPayload(nothing)
      .addSuccess(OrderTaken, { status: 202 })
      .addError(NotRecorded, notRecorded)
      .addError(Declined, declined)
  )
  /** Ends a quarantine. */
  .add(
    HttpApiEndpoint.post("release", "/v1/release")
      .setPayload(ReleaseRequest)
      .addSuccess(OrderTaken, { status: 202 })
      .addError(NotRecorded, notRecorded)
      .addError(Declined, declined)
  )
  /** Of automatic upgrades only; recovery goes on. */
  .add(
    HttpApiEndpoint.post("pause", "/v1/pause")
      .setPayload(nothing)
      .addSuccess(OrderTaken, { status: 202 })
      .addError(NotRecorded, notRecorded)
      .addError(Declined, declined)
  )
  .add(
    HttpApiEndpoint.post("resume", "/v1/resume")
      .setPayload(nothing)
      .addSuccess(OrderTaken, { status: 202 })
      .addError(NotRecorded, notRecorded)
      .addError(Declined, declined)
  )
  /** What the NPU holds of the catalogue's images; the NPU is asked. */
  .add(
    HttpApiEndpoint.get("images", "/v1/images")
      .addSuccess(ImagesView)
      .addError(NpuUnreachable, { status: statusOf.NpuUnreachable })
      .addError(Declined, declined)
  )

const daemon = HttpApiGroup.make("daemon")
  .add(HttpApiEndpoint.get("version", "/v1/version").addSuccess(VersionView))
  /** From what is known; answered at once, also while the NPU is away. */
  .add(HttpApiEndpoint.get("npu", "/v1/npu").addSuccess(NpuStatus))
  .add(HttpApiEndpoint.get("policy", "/v1/policy").addSuccess(PolicyView))
  /**
   * Events as JSON lines, oldest first: the last thousand, or all that are kept
   * since a time or of an operation. `follow=true` keeps the answer open and adds
   * each new one as it happens.
   */
  .add(
    HttpApiEndpoint.get("events", "/v1/events")
      .setUrlParams(
        Schema.Struct({
          follow: Schema.optional(Schema.BooleanFromString),
          container: Schema.optional(Schema.String),
          operation: Schema.optional(Schema.NonEmptyString),
          /** ISO 8601. */
          since: Schema.optional(Schema.Date)
        }).annotations({ parseOptions: { errors: "all", onExcessProperty: "error" } })
      )
      .addSuccess(Schema.String.pipe(HttpApiSchema.withEncoding({ kind: "Text", contentType: "application/x-ndjson" })))
      .addError(UnknownContainer, unknownContainer)
  )

export const api = HttpApi.make("offloader")
  .add(containers)
  .add(deployments)
  .add(upgrades)
  .add(daemon)
  .addError(BadRequest, { status: statusOf.BadRequest })
  .addError(UnknownPath, { status: statusOf.UnknownPath })
  .addError(TooLarge, { status: statusOf.TooLarge })
  .addError(InternalError, { status: statusOf.InternalError })
  .annotate(OpenApi.Title, "DPU Offloader control API")
  .annotate(OpenApi.Version, "v1")
