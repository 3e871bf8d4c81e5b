/**
 * The calls to the NPU as one table: for each RPC its deadline, for each class
 * of error what follows. A read is tried again or fails; a mutating call is sent
 * once, and where its outcome is not known it is read back before anything else.
 */
import * as Schema from "effect/Schema"

import { Millis } from "./duration-text.ts"

/** What a failed call means; `src/npu/error.ts` classifies. */
export const errorClasses = [
  /** The transport failed: nothing answered, or the connection broke. */
  "Unreachable",
  /** No answer within the deadline. A mutating call may still take effect. */
  "TimedOut",
  "Cancelled",
  "NotFound",
  "AlreadyExists",
  /** The server refuses this now: a port or an image in use, another change under way. */
  "Conflict",
  /** No room on the NPU. */
  "NoRoom",
  /** The server will refuse this request however often it is sent. */
  "Invalid",
  "Denied",
  /** The server does not have this RPC. */
  "Unsupported",
  /** The server failed inside; a mutating call may have taken effect in part. */
  "ServerFault",
  /** What came back is not what the interface says. */
  "BadAnswer",
  /** The bytes to send could not be read on this side. */
  "SourceFailed"
] as const
export type ErrorClass = typeof errorClasses[number]

/** After these nobody knows whether a mutating call took effect. */
export const ambiguous: ReadonlySet<ErrorClass> = new Set<ErrorClass>([
  "Unreachable",
  "TimedOut",
  "Cancelled",
  "ServerFault",
  "BadAnswer"
])

/** `missing`: the server does not offer it; it is not asked again until that changes. */
const ReadReaction = Schema.Literal("retry", "giveUp", "missing")
/**
 * All but `readBack` mean that it certainly took no effect: `conflict`, that the
 * server may do it another time; `giveUp`, that it will refuse the same again;
 * `missing`, that it does not offer it.
 */
const CallReaction = Schema.Literal("readBack", "conflict", "giveUp", "missing")
export type CallReaction = typeof CallReaction.Type

const forEachClass = <A extends string>(reaction: Schema.Schema<A>) =>
  Schema.Record({ key: Schema.Literal(...errorClasses), value: reaction })

const Read = Schema.Struct({
  /** One try's deadline. */
  deadline: Millis,
  /** 1 to 5; reads are repeated by the client, mutating calls never are. */
  tries: Schema.Int.pipe(Schema.between(1, 5)),
  /** The pause before a repetition. */
  backoff: Millis,
  on: forEachClass(ReadReaction)
})
export type ReadPolicy = typeof Read.Type

const Call = Schema.Struct({ deadline: Millis, on: forEachClass(CallReaction) })

export const Calls = Schema.Struct({
  ListContainer: Read,
  ListImage: Read,
  Time: Read,
  Verify: Read,
  StartContainer: Call,
  /** Without force a server may wait for ever; after the deadline it is forced. */
  StopContainer: Call,
  RemoveContainer: Call,
  RemoveImage: Call,
  Deploy: Schema.Struct({
    /** The longest time without any progress of the transfer. */
    idle: Millis,
    /** From the last byte to the server's word that the image is loaded. */
    load: Millis,
    /** How long a server that fetches and loads an image by itself may keep silent. */
    download: Millis,
    /** Bytes; what the server's advertised chunk size is clamped to. */
    minimumChunk: Schema.Int.pipe(Schema.between(1, 4_194_240)),
    maximumChunk: Schema.Int.pipe(Schema.between(1024, 4_194_240)),
    on: forEachClass(CallReaction)
  })
})
export type Calls = typeof Calls.Type

const reactions = <A extends string>(uncertain: A, exceptions: Partial<Record<ErrorClass, A | Certain>>) =>
  Object.fromEntries(
    errorClasses.map((
      name
    ) => [name, exceptions[name] ?? (ambiguous.has(name) ? uncertain : certain[name] ?? "giveUp")])
  ) as Record<ErrorClass, A | Certain>

type Certain = "giveUp" | "missing"
const certain: Partial<Record<ErrorClass, Certain>> = { Unsupported: "missing" }

const read = (deadline: number, tries: number): ReadPolicy => ({
  deadline,
  tries,
  backoff: 100,
  // Another change under way ends soon, and a look is worth a second try.
  on: reactions<"retry">("retry", { Conflict: "retry" })
})
const call = (deadline: number, exceptions?: Partial<Record<ErrorClass, CallReaction>>) => ({
  deadline,
  on: reactions<CallReaction>("readBack", { Conflict: "conflict", AlreadyExists: "conflict", ...exceptions })
})

export const defaultCalls: Calls = {
  ListContainer: read(5000, 2),
  ListImage: read(10_000, 2),
  Time: read(3000, 1),
  Verify: read(3000, 1),
  // Something of that name is there: a look shows what.
  StartContainer: call(30_000, { AlreadyExists: "readBack" }),
  StopContainer: call(15_000),
  RemoveContainer: call(15_000),
  RemoveImage: call(60_000),
  Deploy: {
    idle: 30_000,
    load: 300_000,
    // SONiC's server allows 900 s for the download and 180 s for loading.
    download: 1_080_000,
    minimumChunk: 1,
    maximumChunk: 4_194_240,
    on: call(0).on
  }
}

/** What contradicts itself or the wire, a sentence each. */
export const callFaults = (calls: Calls): ReadonlyArray<string> => {
  const faults: Array<string> = []
  for (const [name, policy] of Object.entries(calls)) {
    const durations: Readonly<Record<string, unknown>> = policy
    for (const key of ["deadline", "idle", "load", "download"]) {
      if (key in durations && Number(durations[key]) <= 0) {
        faults.push(`rpc.${name}.${key}: must be longer than nothing`)
      }
    }
    if ("tries" in policy) continue
    for (const uncertain of ambiguous) {
      if (policy.on[uncertain] !== "readBack") {
        faults.push(`rpc.${name}.on.${uncertain}: must be readBack, since nobody knows whether it took effect`)
      }
    }
  }
  if (calls.Deploy.minimumChunk > calls.Deploy.maximumChunk) {
    faults.push("rpc.Deploy.minimumChunk: is larger than rpc.Deploy.maximumChunk")
  }
  return faults
}
