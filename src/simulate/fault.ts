/**
 * What can go wrong, and what operators do meanwhile, as data: a plan is a list
 * of these, so that it can be printed, shrunk and replayed. All times are
 * milliseconds of simulated time since the run began.
 */
import * as Schema from "effect/Schema"

const at = Schema.Number
const length = Schema.Number
const dpu = Schema.Int
const container = Schema.String
/** The probability that a call is hit, 0 to 1. */
const share = Schema.Number

/** Where in a save the daemon is killed: before the text is written, after it was renamed, or after it was confirmed. */
const KillPoint = Schema.Literal("before", "between", "after")
export type KillPoint = typeof KillPoint.Type

/** Something at one moment. */
const once = <T extends string, F extends Schema.Struct.Fields>(tag: T, fields: F) =>
  Schema.TaggedStruct(tag, { at, ...fields })

/** Something from one moment on, for a time. */
const lasting = <T extends string, F extends Schema.Struct.Fields>(tag: T, fields: F) =>
  Schema.TaggedStruct(tag, { at, length, ...fields })

export const Fault = Schema.Union(
  // ---- containers
  once("ContainerCrash", { container }),
  /** Exits `every` milliseconds after each start. */
  lasting("CrashLoop", { container, every: Schema.Number }),
  /** Runs, and answers its probe not at all, with a refusal, or wrongly; where sticky, after a restart too. */
  lasting("Hang", { container, mode: Schema.Literal("hang", "refuse", "wrong"), sticky: Schema.Boolean }),
  /** A stop without force never ends. */
  lasting("StopIgnored", { container }),
  /** Cannot be started, and leaves a created container behind. */
  lasting("BadCommand", { container }),
  once("ContainerVanishes", { container }),
  once("ForeignStop", { container }),
  /** Somebody puts another instance in its place, of the version that it has or of this one. */
  once("ForeignReplace", { container, version: Schema.NullOr(Schema.String) }),
  /** Somebody starts it where it does not run. */
  once("ForeignStart", { container, version: Schema.String }),
  // ---- the NPU
  once("ImageVanishes", { container }),
  once("Janitor", {}),
  once("NpuReboot", { downFor: Schema.Number, left: Schema.Literal("gone", "stopped") }),
  lasting("NpuDiskFull", {}),
  once("EmptyLists", { count: Schema.Int }),
  /** Lists show it in no clear state; those of the running ones leave it out, or have it all the same. */
  lasting("UnspecifiedState", { container, omitted: Schema.Boolean }),
  lasting("PortTaken", { container }),
  once("CorruptDeploys", { count: Schema.Int }),
  once("LostDeploys", { count: Schema.Int }),
  lasting("ServerFaults", { dpu, share }),
  /** Another server takes its place: one that lacks something, and may describe itself. */
  lasting("ServerReplaced", {
    lacks: Schema.Literal("logs", "images", "list", "deploy", "everything"),
    described: Schema.Boolean
  }),
  /** All such calls fail inside the server after so many milliseconds, those by force too; of ListImage for all containers. */
  lasting("CallsRefused", {
    container,
    method: Schema.Literal("StartContainer", "StopContainer", "RemoveContainer", "RemoveImage", "ListImage"),
    code: Schema.Literal("INTERNAL", "FAILED_PRECONDITION", "UNAVAILABLE", "NOT_FOUND", "RESOURCE_EXHAUSTED"),
    delay: Schema.Number
  }),
  // ---- the way there
  lasting("LinkCut", { dpu, how: Schema.Literal("reset", "silent", "toNpu", "fromNpu") }),
  /** It accepts connections and never answers. */
  lasting("Unresponsive", { dpu }),
  once("IdleGoaway", { dpu }),
  lasting("SlowReplies", { dpu, share, delay: Schema.Number }),
  lasting("LostRequests", { dpu, share }),
  lasting("LostReplies", { dpu, share }),
  /** The connection breaks after the action was done and before its reply is there. */
  lasting("BrokenReplies", { dpu, share }),
  lasting("DuplicatedRequests", { dpu, share }),
  lasting("PartialLists", { dpu, share }),
  lasting("ProbesLost", { dpu, share }),
  // ---- the DPU
  lasting("DiskFull", { dpu }),
  /** Saves fail half-way: before or after the new text took the old one's place. */
  lasting("TornWrites", { dpu, share }),
  lasting("SlowDisk", { dpu, delay: Schema.Number }),
  once("WallClockJump", { dpu, by: Schema.Number }),
  /** Killed so many steps after the moment, in the midst of whatever is going on. */
  once("DaemonKilled", { dpu, steps: Schema.Int, downFor: Schema.Number, rebooted: Schema.Boolean }),
  /** Killed at the next save. */
  once("KilledAtSave", { dpu, when: KillPoint, downFor: Schema.Number }),
  /** Killed at the save of this number, counted from 1 since the moment, over all the daemons that come. */
  once("KilledAtWrite", { dpu, number: Schema.Int, when: KillPoint, downFor: Schema.Number }),
  once("DaemonStopped", { dpu, downFor: Schema.Number }),
  /** The daemon is killed, and its memory is gone, cut short, nonsense or an older release's when the next one comes. */
  once("MemoryLost", { dpu, how: Schema.Literal("gone", "cut", "odd", "older"), downFor: Schema.Number }),
  lasting("VersionUnreadable", { dpu, how: Schema.Literal("missing", "garbled") }),
  once("VersionChange", { dpu, version: Schema.String }),
  // ---- operators
  once("OperatorStops", { container }),
  once("OperatorStarts", { container }),
  once("OperatorRetries", { container }),
  /** Sends an archive, one that is not there where the version is none; may change his mind after so many milliseconds. */
  once("OperatorDeploys", {
    container,
    version: Schema.NullOr(Schema.String),
    cancelledAfter: Schema.NullOr(Schema.Number)
  }),
  /** To a version, or to the DPU's own where it is none; or only the images of it. */
  once("OperatorUpgrades", { dpu, version: Schema.NullOr(Schema.String), stageOnly: Schema.Boolean }),
  once("OperatorRollsBack", { dpu }),
  /** Of a version, or of what is in quarantine where it is none; by it, or by the name or the digest of one image of it. */
  once("OperatorReleases", {
    container,
    version: Schema.NullOr(Schema.String),
    by: Schema.Literal("version", "image", "digest")
  }),
  once("OperatorPauses", { dpu, paused: Schema.Boolean }),
  /** Reads the status of everything. */
  once("OperatorAsks", { dpu })
)
export type Fault = typeof Fault.Type
export type FaultKind = Fault["_tag"]

export const Plan = Schema.Array(Fault)
export type Plan = typeof Plan.Type

export const isLasting = (fault: Fault): fault is Extract<Fault, { readonly length: number }> => "length" in fault

/** One line for people. */
export const describe = (fault: Fault): string => {
  const { _tag, at: _, ...fields } = fault
  const parts = Object.entries(fields).map(([key, value]) =>
    key === "length"
      ? `for ${(Number(value) / 1000).toFixed(1)} s`
      : `${key} ${typeof value === "number" ? Math.round(value * 1000) / 1000 : String(value)}`
  )
  return [_tag, ...parts].join(" ")
}
