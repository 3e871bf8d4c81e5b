/** What the control API shows and takes of upgrades. Apart from the other views: the quick verbs do without. */
import * as Schema from "effect/Schema"

import { apiVersion, NpuView } from "./views.ts"

const ApiVersion = Schema.Literal(apiVersion)
const nullable = <A, I>(schema: Schema.Schema<A, I>) => Schema.NullOr(schema)

export const UpgradeKind = Schema.Literal("upgrade", "rollback")
export const UpgradePhase = Schema.Literal("idle", "staging", "switching", "probation", "rollingBack")
export const UpgradeOutcome = Schema.Literal("committed", "rolledBack", "degraded", "superseded")

const QuarantineView = Schema.Struct({
  version: Schema.String,
  images: Schema.Array(Schema.Struct({ image: Schema.String, digest: nullable(Schema.String) })),
  reason: Schema.String,
  at: Schema.String
})

/** Sizes in bytes; null where neither the NPU's lists nor this DPU's images tell. */
const RoomView = Schema.Struct({
  image: Schema.String,
  needed: Schema.Number,
  free: nullable(Schema.Number),
  missing: nullable(Schema.Number),
  /** Of all images whose size is known. */
  held: Schema.Number,
  /** Largest first. */
  holdings: Schema.Array(Schema.Struct({
    /** None where it has lost them all. */
    names: Schema.Array(Schema.String),
    id: Schema.String,
    bytes: nullable(Schema.Number),
    /** Containers of all DPUs; none where nothing refers to it. */
    usedBy: Schema.Array(Schema.String)
  }))
})

/** What is done about versions now and why; what would come next. */
export const UpgradeView = Schema.Struct({
  apiVersion: ApiVersion,
  /** Null where an older daemon does not tell. While it is not reachable, the rest is as last known. */
  npu: Schema.optionalWith(nullable(NpuView), { default: () => null }),
  /** The DPU's own version; null while it cannot be told. */
  dpuVersion: nullable(Schema.String),
  /** Why it cannot be read, as a clause; null where it can, or was not tried yet. */
  versionUnreadable: Schema.optionalWith(nullable(Schema.String), { default: () => null }),
  /** The one that services are to have: ordered by an operator, or the DPU's. */
  targetVersion: nullable(Schema.String),
  paused: Schema.Boolean,
  /** Why the set could not be mended and what to do; null where it is sound. */
  degraded: nullable(Schema.String),
  phase: UpgradePhase,
  /** Of the upgrade under way; null while there is none. */
  id: nullable(Schema.String),
  kind: nullable(UpgradeKind),
  version: nullable(Schema.String),
  /** One word in CamelCase: the phase, or what it waits for. */
  reason: Schema.String,
  /** What is done or waited for now. */
  message: Schema.String,
  next: nullable(Schema.String),
  advice: nullable(Schema.String),
  until: nullable(Schema.String),
  /** Transfers of one image have failed so often that the upgrade counts as refused for now. */
  refused: Schema.Boolean,
  /** Of each image that found no room on the NPU: who holds it, as far as that can be told. */
  room: Schema.optionalWith(Schema.Array(RoomView), { default: () => [] }),
  services: Schema.Array(Schema.Struct({
    container: Schema.String,
    /** `repository:tag` that it is kept at; null before its first start. */
    image: nullable(Schema.String),
    /** As an operator wants it. */
    desired: Schema.optionalWith(Schema.Literal("running", "stopped"), { default: () => "running" as const }),
    /** Where it goes; null where nothing changes. */
    target: nullable(Schema.String),
    /** Where it would go back to. */
    wayBack: nullable(Schema.String),
    state: Schema.String
  })),
  /** Images that an operator wants on the NPU ahead of their time; null also while an upgrade brings them. */
  staged: nullable(Schema.Struct({
    version: Schema.String,
    ready: Schema.Boolean,
    /** What they wait for, as a clause; null where they are brought or are there. */
    waits: Schema.optionalWith(nullable(Schema.String), { default: () => null })
  })),
  quarantine: Schema.Array(QuarantineView),
  last: nullable(Schema.Struct({
    id: Schema.String,
    kind: UpgradeKind,
    version: Schema.String,
    outcome: UpgradeOutcome,
    reason: Schema.String,
    at: Schema.String
  }))
})
export type UpgradeView = typeof UpgradeView.Type

export const UpgradeRequest = Schema.Struct({
  /** In any spelling; without it the DPU's own version, or with `stageOnly` the one that it boots next. */
  version: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
  stageOnly: Schema.optionalWith(Schema.Boolean, { exact: true })
}).annotations({ parseOptions: { errors: "all", onExcessProperty: "error" } })
export type UpgradeRequest = typeof UpgradeRequest.Type

export const ReleaseRequest = Schema.Struct({
  /** A version, `name:tag`, or twelve or more digits of an image's digest. */
  subject: Schema.NonEmptyString
}).annotations({ parseOptions: { errors: "all", onExcessProperty: "error" } })

export const OrderTaken = Schema.Struct({
  apiVersion: ApiVersion,
  /** The upgrade that comes of it; null where none does. */
  upgrade: nullable(Schema.String),
  version: Schema.String,
  message: Schema.String
})
export type OrderTaken = typeof OrderTaken.Type

/** An image of the catalogue's repositories, as the NPU holds it. */
export const ImageView = Schema.Struct({
  image: Schema.String,
  /** As the NPU's list shows it. */
  id: Schema.String,
  version: Schema.String,
  /** Containers that run it or were made from it, of any DPU, as last seen. */
  usedBy: Schema.Array(Schema.String),
  /** What it is to this DPU: running, target, previous, staged, quarantined, past. */
  roles: Schema.Array(Schema.String)
})
export const ImagesView = Schema.Struct({ apiVersion: ApiVersion, images: Schema.Array(ImageView) })
export type ImagesView = typeof ImagesView.Type
