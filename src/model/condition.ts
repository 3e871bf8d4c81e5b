/** Conditions, in the manner of Kubernetes: what holds of a service or the NPU, since when, and why. */
import * as Schema from "effect/Schema"

export const ConditionStatus = Schema.Literal("True", "False", "Unknown")
export type ConditionStatus = typeof ConditionStatus.Type

export const ConditionType = Schema.Literal(
  "Running",
  "Healthy",
  "VersionMatched",
  "Progressing",
  "Contested",
  "Capable",
  "Upgrading",
  "Degraded",
  "Reachable",
  "StateDurable",
  "EventsStored"
)
export type ConditionType = typeof ConditionType.Type

export const Condition = Schema.Struct({
  type: ConditionType,
  status: ConditionStatus,
  /** One word in CamelCase, for programs. */
  reason: Schema.String,
  /** A sentence, for people. */
  message: Schema.String,
  /** When `status` last changed; ISO 8601 UTC. */
  lastTransition: Schema.String
})
export type Condition = typeof Condition.Type
