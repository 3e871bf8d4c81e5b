/** Events: what happened and what was decided, one line each, for operators and for the record. */
import * as Schema from "effect/Schema"

export const Severity = Schema.Literal("info", "notice", "warning", "error")
export type Severity = typeof Severity.Type

/** What runs, or is held, under a name: `repository:tag`, and its config digest where that is known. */
const Holding = Schema.Struct({ image: Schema.String, digest: Schema.optionalWith(Schema.String, { exact: true }) })
export type Holding = typeof Holding.Type

/** An archive on its way to the NPU: `repository:tag`, its config digest, and the bytes that were sent of it. */
const Sent = Schema.Struct({ image: Schema.String, digest: Schema.String, bytes: Schema.Number.pipe(Schema.finite()) })
export type Sent = typeof Sent.Type

export const AuditOutcome = Schema.Literal(
  /** A command was taken; what it asks for comes after. */
  "accepted",
  "done",
  /** By the offloader or by the NPU: it took no effect. */
  "refused",
  /** Nobody knows yet whether it took effect; what is seen next shows it. */
  "unclear",
  "failed",
  "cancelled"
)
export type AuditOutcome = typeof AuditOutcome.Type

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** What an event that belongs to an operation says besides: an action of the offloader's, or a command. */
const auditFields = {
  /** Unique for all lives of the daemon. */
  operation: optional(Schema.String),
  /** The upgrade that it is a step of, or an operator's order about. */
  partOf: optional(Schema.String),
  /** `offloadd`, or who asked for it. */
  actor: optional(Schema.String),
  /** What it found and what it left: what runs, for a stop; null for nothing, absent where it is not known. */
  before: optional(Schema.NullOr(Holding)),
  after: optional(Schema.NullOr(Holding)),
  /** Of a transfer, however it ended: what was sent; absent where there was nothing to send. */
  sent: optional(Sent),
  /** With it the event is the record of the operation's end. */
  outcome: optional(AuditOutcome),
  /** From the operation's beginning to its end, monotonic milliseconds. */
  duration: optional(Schema.Number.pipe(Schema.finite()))
}
/** The actor of what nobody asked for. */
export const self = "offloadd"

export interface Audit extends Schema.Struct.Type<typeof auditFields> {}

/** What the pure step says; the daemon adds number and time. */
export interface EventBody extends Audit {
  readonly severity: Severity
  /** One word in CamelCase, for programs: `ContainerCrashed`, `StartRefused`. */
  readonly reason: string
  /** The container concerned, or none where the event is about NPU or DPU. */
  readonly container?: string
  /** A whole sentence: what happened, why, what comes next. */
  readonly message: string
}

/** The upgrade that it is of, by its own id or as a step; undefined for all else. */
export const upgradeOf = ({ operation, partOf }: Audit): string | undefined =>
  partOf ?? (operation?.startsWith("upgrade-") === true ? operation : undefined)

export const Event = Schema.Struct({
  /** Counts up, on from the last that was recorded before the daemon started. */
  sequence: Schema.Int,
  /** ISO 8601 UTC. */
  at: Schema.String,
  severity: Severity,
  reason: Schema.String,
  container: optional(Schema.String),
  message: Schema.String,
  ...auditFields,
  /** How many equal events this line stands for; absent for one. */
  count: optional(Schema.Int)
})
export type Event = typeof Event.Type
