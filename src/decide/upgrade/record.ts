/**
 * What of upgrades must survive the daemon. It is part of the one state file;
 * fields of other releases are kept. Times are elapsed milliseconds, never
 * moments, so that no clock can stretch them.
 */
import * as Schema from "effect/Schema"

const other = { key: Schema.String, value: Schema.Unknown }

/** An image as it was found: its name, and the engine's id of it where that was told. */
const Found = Schema.Struct({ image: Schema.String, id: Schema.NullOr(Schema.String) }, other)

/** A service that changes with the set. */
export const Member = Schema.Struct(
  {
    /** The instance name on the NPU. */
    container: Schema.String,
    /** `repository:tag` that it goes to. */
    target: Schema.String,
    /** Config digest of the target, or as much of it as the server's list shows; null until the image is there. */
    digest: Schema.NullOr(Schema.String),
    /** The way back: what it ran before; null where that is lost or there never was anything. */
    previous: Schema.NullOr(Found),
    /** Which of the two it is to run now. */
    side: Schema.Literal("old", "new"),
    /** Whether it has passed its gate on this side. */
    passed: Schema.Boolean,
    /** Crashes, restarts for ill health and failed starts on this side; before its switch, what it needs not being to be had. */
    restarts: Schema.Int,
    /** Milliseconds observed Running without answering its probe, on this side. */
    unready: Schema.Number
  },
  other
)
export interface Member extends Schema.Schema.Type<typeof Member> {}

export const Phase = Schema.Literal("staging", "switching", "probation", "rollingBack")
export type Phase = typeof Phase.Type

/** A change of the set that is under way. */
export const Saga = Schema.Struct(
  {
    /** `upgrade-7`: unique in the life of this memory. */
    id: Schema.String,
    /** A rollback takes a committed set back to the one before it, because an operator said so. */
    kind: Schema.Literal("upgrade", "rollback"),
    /** The version that an upgrade goes to, or that a rollback leaves. */
    version: Schema.String,
    by: Schema.Literal("version", "operator"),
    phase: Phase,
    /** In catalogue order. */
    members: Schema.Array(Member),
    /** Failures, since it last turned, of services that it does not change and without which a member cannot start. */
    beside: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.Int }), { default: () => ({}) }),
    /** Milliseconds of probation observed so far. */
    probation: Schema.Number,
    /** Why it is being rolled back; null while it is not. */
    failure: Schema.NullOr(Schema.String)
  },
  other
)
export interface Saga extends Schema.Schema.Type<typeof Saga> {}

/** A set that failed: it is not started again by itself. */
export const Quarantined = Schema.Struct(
  {
    version: Schema.String,
    images: Schema.Array(Schema.Struct({ image: Schema.String, digest: Schema.NullOr(Schema.String) }, other)),
    reason: Schema.String,
    /** ISO 8601 UTC. */
    at: Schema.String
  },
  other
)
export interface Quarantined extends Schema.Schema.Type<typeof Quarantined> {}

export const SagaOutcome = Schema.Literal("committed", "rolledBack", "degraded", "superseded")
export type SagaOutcome = typeof SagaOutcome.Type

/** How the last one ended. */
export const Ended = Schema.Struct(
  {
    id: Schema.String,
    kind: Schema.Literal("upgrade", "rollback"),
    version: Schema.String,
    outcome: SagaOutcome,
    /** A sentence. */
    reason: Schema.String,
    at: Schema.String
  },
  other
)
export interface Ended extends Schema.Schema.Type<typeof Ended> {}

/** Container → `repository:tag`. */
const ImageSet = Schema.Record({ key: Schema.String, value: Schema.String })

/** A container of any DPU: what it ran when last looked at, and how long it was seen to run that. */
const Runner = Schema.Struct(
  {
    image: Schema.String,
    ranFor: Schema.Number,
    unseenFor: Schema.Number,
    /** What it was seen to run before that, and for how long, newest last: its DPU may have to go back there. */
    before: Schema.optionalWith(
      Schema.Array(Schema.Struct({ image: Schema.String, ranFor: Schema.Number }, other)),
      { default: () => [] }
    )
  },
  other
)
export interface Runner extends Schema.Schema.Type<typeof Runner> {}

/** What stands in the state file for upgrades, beside the record of each container. */
export const upgradeFields = {
  /** The change under way, or null. */
  upgrade: Schema.optionalWith(Schema.NullOr(Saga), { default: () => null }),
  /** Counts sagas; makes their ids. */
  upgrades: Schema.optionalWith(Schema.Int, { default: () => 0 }),
  lastUpgrade: Schema.optionalWith(Schema.NullOr(Ended), { default: () => null }),
  quarantine: Schema.optionalWith(Schema.Array(Quarantined), { default: () => [] }),
  /** Why the set is not what it should be, and what a person must do; null where it is. */
  degraded: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null }),
  /** Whether an operator has paused automatic upgrades. */
  paused: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  /** The DPU's version as last read: only against it can a change be seen. */
  dpuVersion: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null }),
  /** The version that an operator ordered; in force until the DPU's own changes. */
  ordered: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null }),
  /** The version whose images an operator wants on the NPU ahead of its time. */
  staged: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null }),
  /** The set before the last committed one. */
  previousSet: Schema.optionalWith(Schema.NullOr(ImageSet), { default: () => null }),
  /** Sets that were committed before, newest last: whose images may be pruned some day. */
  pastSets: Schema.optionalWith(Schema.Array(ImageSet), { default: () => [] }),
  /** By container, of all DPUs seen on the NPU. */
  fleet: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Runner }), { default: () => ({}) })
}

export const initialUpgrade = {
  upgrade: null,
  upgrades: 0,
  lastUpgrade: null,
  quarantine: [],
  degraded: null,
  paused: false,
  dpuVersion: null,
  ordered: null,
  staged: null,
  previousSet: null,
  pastSets: [],
  fleet: {}
} as const
