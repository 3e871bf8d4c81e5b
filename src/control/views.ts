/**
 * What the control API shows and takes, as Schemas: shared by the daemon, which
 * fills them, and by `offloadctl`, which prints them. Times are ISO 8601 UTC.
 *
 * A field that comes after a release is optional in reading, with a default, so
 * that `offloadctl` reads what an older daemon answers; an older `offloadctl`
 * passes over what it does not know. What cannot be read so has another
 * `apiVersion`, and is refused with the daemon's version.
 */
import * as Schema from "effect/Schema"

import { Condition } from "../model/condition.ts"

export const apiVersion = "offloader/v1"
const ApiVersion = Schema.Literal(apiVersion)

const nullable = <A, I>(schema: Schema.Schema<A, I>) => Schema.NullOr(schema)

export const Desired = Schema.Literal("running", "stopped")
export type Desired = typeof Desired.Type

export const ObservedState = Schema.Literal("Running", "Stopped", "Absent", "Unknown")
export type ObservedState = typeof ObservedState.Type

export const NpuView = Schema.Struct({
  /** `host:port`. */
  endpoint: Schema.String,
  /** null until the first look ended. */
  reachable: nullable(Schema.Boolean),
  /** When `reachable` last changed. */
  since: nullable(Schema.String),
  /** Why it is not reachable, as a sentence. */
  reason: nullable(Schema.String)
})
export type NpuView = typeof NpuView.Type

export const ContainerView = Schema.Struct({
  /** The instance name on the NPU. */
  name: Schema.String,
  service: Schema.String,
  desired: Desired,
  state: ObservedState,
  /** What its probe says; `Unknown` also where it has none yet, null where it has no probe. */
  healthy: nullable(Schema.Literal("True", "False", "Unknown")),
  /** `repository:tag` as it runs, or null where that is not known. */
  image: nullable(Schema.String),
  version: nullable(Schema.String),
  targetVersion: nullable(Schema.String),
  /** Starts by this daemon that followed a crash or disappearance. */
  restarts: Schema.Int,
  lastReason: nullable(Schema.String),
  nextRetryAt: nullable(Schema.String),
  /** When a look last showed it. */
  observedAt: nullable(Schema.String),
  /** What was last seen clearly; while the NPU is not reachable that was at `observedAt`. */
  lastState: nullable(Schema.Literal("Running", "Stopped", "Absent"))
})
export type ContainerView = typeof ContainerView.Type

export const ContainerList = Schema.Struct({
  apiVersion: ApiVersion,
  dpu: Schema.String,
  targetVersion: nullable(Schema.String),
  /** Why the DPU's SONiC version cannot be read, as a clause; null where it can, or was not tried yet. */
  versionUnreadable: Schema.optionalWith(nullable(Schema.String), { default: () => null }),
  npu: NpuView,
  conditions: Schema.Array(Condition),
  containers: Schema.Array(ContainerView)
})
export type ContainerList = typeof ContainerList.Type

export const ContainerStatus = Schema.Struct({
  apiVersion: ApiVersion,
  npu: NpuView,
  container: ContainerView,
  /** When `state` last changed. */
  stateSince: nullable(Schema.String),
  /** The image that should run: `repository:tag`, null while no version is known. */
  wantedImage: nullable(Schema.String),
  /** Consecutive starts since it last ran well; 0 when nothing is being retried. */
  attempt: Schema.Int,
  /** What the daemon is doing or waiting for now, as a sentence. */
  activity: Schema.String,
  /** What an operator can do now, a sentence each; empty where nothing is needed. */
  advice: Schema.Array(Schema.String),
  conditions: Schema.Array(Condition),
  /** What the instance that ended last said before it did; absent where nothing is kept of one. */
  previous: Schema.optional(Schema.Struct({
    endedAt: Schema.String,
    /** Its last lines, at most ten. */
    lastLines: Schema.Array(Schema.String)
  })),
  /** The intent, and whether a look begun after it was recorded shows it fulfilled. */
  intent: Schema.Struct({ desired: Desired, recordedAt: nullable(Schema.String), fulfilled: Schema.Boolean })
})
export type ContainerStatus = typeof ContainerStatus.Type

export const IntentAccepted = Schema.Struct({
  apiVersion: ApiVersion,
  container: Schema.String,
  desired: Desired,
  /** When it became durable. */
  recordedAt: Schema.String
})
export type IntentAccepted = typeof IntentAccepted.Type

export const RetryAccepted = Schema.Struct({
  apiVersion: ApiVersion,
  /** The containers asked for. */
  containers: Schema.Array(Schema.String),
  /** Those of them that were waiting for a moment to come; they wait no longer. */
  waited: Schema.Array(Schema.String)
})
export type RetryAccepted = typeof RetryAccepted.Type

type DeploySubject =
  | { readonly path: string; readonly image?: never }
  | { readonly image: string; readonly path?: never }

/** Exactly one of the two: an archive's absolute path, or `name:tag` in the images folder. */
export const DeployRequest = Schema.Struct({
  path: Schema.optionalWith(
    Schema.String.pipe(Schema.pattern(/^\//, { message: () => "must be an absolute path" })),
    { exact: true }
  ),
  image: Schema.optionalWith(Schema.NonEmptyString, { exact: true })
}).annotations({ parseOptions: { errors: "all", onExcessProperty: "error" } }).pipe(
  Schema.filter(
    (request): request is DeploySubject => (request.path === undefined) !== (request.image === undefined),
    { message: () => "say either \"path\" or \"image\", exactly one of the two" }
  )
)
export type DeployRequest = DeploySubject

export const DeployPhase = Schema.Literal("checking", "waiting", "sending", "loading", "verifying", "done")
export type DeployPhase = typeof DeployPhase.Type

export const DeployOutcome = Schema.Literal(
  "succeeded",
  /** The NPU says that it has the image, and offers nothing that would show it. */
  "unproven",
  /** The archive or its name was found unfit before anything was sent. */
  "rejected",
  /** The NPU answered that it would not have it. */
  "failed",
  "unreachable",
  "cancelled"
)
export type DeployOutcome = typeof DeployOutcome.Type

export const DeployStatus = Schema.Struct({
  apiVersion: ApiVersion,
  operation: Schema.String,
  /** What was asked: a path or `name:tag`. */
  subject: Schema.String,
  /** `name:tag` as deployed; null until the archive was read. */
  image: nullable(Schema.String),
  phase: DeployPhase,
  sentBytes: Schema.Int,
  /** null until the archive was read. */
  totalBytes: nullable(Schema.Int),
  startedAt: Schema.String,
  endedAt: nullable(Schema.String),
  outcome: nullable(DeployOutcome),
  /** What happened, as a sentence; null while it goes on. */
  message: nullable(Schema.String)
})
export type DeployStatus = typeof DeployStatus.Type

export const VersionView = Schema.Struct({
  apiVersion: ApiVersion,
  /** The offloader's own version. */
  daemon: Schema.String,
  pid: Schema.Int,
  startedAt: Schema.String,
  dpu: Schema.String,
  /** The DPU's SONiC version; null while it cannot be read, with the reason beside it. */
  sonicVersion: nullable(Schema.String),
  sonicVersionReason: nullable(Schema.String),
  npu: NpuView
})
export type VersionView = typeof VersionView.Type
