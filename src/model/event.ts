/** Events: what happened and what was decided, one line each, for operators and for the record. */
import * as Schema from "effect/Schema"

export const Severity = Schema.Literal("info", "notice", "warning", "error")
export type Severity = typeof Severity.Type

/** What the pure step says; the daemon adds number and time. */
export interface EventBody {
  readonly severity: Severity
  /** One word in CamelCase, for programs: `ContainerCrashed`, `StartRefused`. */
  readonly reason: string
  /** The container concerned, or none where the event is about NPU or DPU. */
  readonly container?: string
  /** A whole sentence: what happened, why, what comes next. */
  readonly message: string
}

/** What operators asked for: each is told, however often it comes. */
export const audited: ReadonlySet<string> = new Set(["StartRequested", "StopRequested", "RetryRequested", "Deploying"])

export const Event = Schema.Struct({
  /** Counts up from 1 for each start of the daemon. */
  sequence: Schema.Int,
  /** ISO 8601 UTC. */
  at: Schema.String,
  severity: Severity,
  reason: Schema.String,
  container: Schema.optional(Schema.String),
  message: Schema.String,
  /** How many equal events this line stands for; absent for one. */
  count: Schema.optional(Schema.Int)
})
export type Event = typeof Event.Type
