/**
 * The policies: every number by which the offloader decides, as one typed
 * value. Effect Schedules, the pure step and `offloadctl policy` all read it.
 * A policy file overrides parts of `defaults`; one that contradicts itself or
 * whose limits cannot be reached is refused with the reason.
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

import { telling } from "../model/faults.ts"
import { callFaults, Calls, defaultCalls } from "./calls.ts"
import { Millis } from "./duration-text.ts"
import { Ladder, topLevel } from "./ladder.ts"
import { defaultUpgrade, Upgrade, upgradeFaults } from "./upgrade.ts"

export const Policy = Schema.Struct({
  rpc: Calls,
  /** How the NPU is connected to. */
  connection: Schema.Struct({
    /** How long TCP, TLS and the first words of HTTP/2 may each take. */
    timeout: Millis,
    /** The wait after a failed attempt: from `base`, 1.6 times as long each time, to `cap`; ±20 %. */
    base: Millis,
    cap: Millis,
    /** A ping after so long without a word from the NPU; 0ms for none. SONiC's server bears one in 20 s, others one in 5 min. */
    keepalive: Millis,
    /** How long its answer may take. */
    keepaliveTimeout: Millis
  }),
  monitoring: Schema.Struct({
    /** From the end of one look to the start of the next. */
    period: Millis
  }),
  clock: Schema.Struct({
    /** From one comparison of the NPU's clock with ours to the next. */
    period: Millis
  }),
  /** Hints that a container stopped, taken from its log: they make the next look come earlier, nothing more. */
  hints: Schema.Struct({
    /** Whether the log of each running container is followed, where the server offers it. */
    followLogs: Schema.Boolean,
    /** Before a log that ended or broke off is followed again while the container is not seen to have stopped. */
    ...Ladder.fields
  }),
  restart: Ladder,
  /** The pace of repeated transfers and of repeated stops that did not take. */
  transfer: Ladder,
  health: Schema.Struct({
    /** Between two probes of a service that answers. */
    period: Millis,
    /** Between two probes of a service that does not answer yet, or no longer. */
    eagerPeriod: Millis,
    timeout: Millis,
    /** Consecutive bad probes before a service counts as unhealthy. */
    failures: Schema.Int.pipe(Schema.between(1, 100)),
    /** How long it must have been bad, at the least, before it is restarted. */
    unhealthyFor: Millis,
    /** The same for single services: a restart of the database loses its tables. */
    unhealthyForService: Schema.Record({ key: Schema.String, value: Millis }),
    /** From its start until a service that never answered counts as unhealthy. */
    grace: Millis
  }),
  upgrade: Upgrade,
  outage: Schema.Struct({
    /** After a reboot of the NPU, DPU n waits n times this before it starts anything. */
    staggerPerDpu: Millis
  }),
  contention: Schema.Struct({
    /** A service that answered and stopped within this time of its start stopped soon. */
    soon: Millis,
    /** So many soon stops in a row are no accident. */
    stops: Schema.Int.pipe(Schema.between(2, 100)),
    /** After this time without another sign of somebody else it is over. */
    quiet: Millis
  }),
  /** What is kept of the output of a container that stopped: the wire tells no exit code. */
  evidence: Schema.Struct({
    /** The last so many characters. */
    size: Schema.Int.pipe(Schema.between(0, 1_048_576)),
    /** How long the output of a leftover is read, where that was not followed; its removal waits for it. */
    deadline: Millis
  }),
  events: Schema.Struct({
    /** So many events of one reason, container and upgrade are told one by one within `window`, further ones as one line. */
    burst: Schema.Int.pipe(Schema.between(1, 1000)),
    window: Millis
  }),
  supervision: Schema.Struct({
    /** How often a long-lived fiber that died is started again within `window`. */
    restarts: Schema.Int.pipe(Schema.between(0, 100)),
    window: Millis,
    backoff: Millis
  })
})
export type Policy = typeof Policy.Type

const seconds = (count: number): number => count * 1000

/**
 * The defaults. Ladder: Kubernetes doubles from 10 s to 300 s; three services
 * that a DPU cannot do without are worth a quicker first try and a lower top.
 */
export const defaults: Policy = {
  rpc: defaultCalls,
  // A midplane answers within a second, and Linux repeats a lost SYN after one and three. grpc-js's own pace, 1 s to
  // 120 s, would leave a rebooted NPU alone for two minutes.
  connection: { timeout: seconds(3), base: 250, cap: seconds(2), keepalive: 0, keepaliveTimeout: seconds(5) },
  monitoring: { period: seconds(1) },
  clock: { period: seconds(600) },
  // A log may end a moment before the engine calls its container stopped: the second hint comes soon.
  hints: { followLogs: true, base: 100, factor: 2, cap: seconds(60), jitter: 0.2, payback: seconds(60) },
  restart: { base: seconds(1), factor: 2, cap: seconds(60), jitter: 0.2, payback: seconds(120) },
  transfer: { base: seconds(2), factor: 2, cap: seconds(60), jitter: 0.2, payback: seconds(600) },
  health: {
    period: seconds(2),
    eagerPeriod: 250,
    timeout: seconds(1),
    failures: 3,
    unhealthyFor: seconds(30),
    unhealthyForService: { database: seconds(60) },
    grace: seconds(60)
  },
  upgrade: defaultUpgrade,
  outage: { staggerPerDpu: 500 },
  // Soon is below the 11 s at which a crash loop is to climb like any other.
  contention: { soon: seconds(10), stops: 3, quiet: seconds(600) },
  evidence: { size: 65_536, deadline: 500 },
  events: { burst: 5, window: seconds(300) },
  supervision: { restarts: 5, window: seconds(60), backoff: seconds(1) }
}

/** The policy in force. */
export class ActivePolicy extends Context.Reference<ActivePolicy>()("offloader/Policy", {
  defaultValue: (): Policy => defaults
}) {}

/** A policy that cannot be used; each fault names the path it is found at. */
export class PolicyError extends Data.TaggedError("PolicyError")<{ readonly faults: ReadonlyArray<string> }> {
  override get message(): string {
    return this.faults.join("; ")
  }
}

const decode = Schema.decodeUnknownEither(Policy, { errors: "all", onExcessProperty: "error" })
const encodeDefaults = Schema.encodeSync(Policy)

/** Decodes a partial policy from parsed JSON over the defaults. */
export const fromJson = (json: unknown): Either.Either<Policy, PolicyError> => {
  if (!isRecord(json)) return Either.left(new PolicyError({ faults: ["the policy is not a JSON object"] }))
  return decode(merge(encodeDefaults(defaults), json)).pipe(
    Either.mapLeft((error) =>
      new PolicyError({
        faults: telling(ParseResult.ArrayFormatter.formatErrorSync(error)).map((issue) =>
          `${issue.path.map(String).join(".") || "the policy"}: ${issue.message}`
        )
      })
    ),
    Either.flatMap(checked)
  )
}

/**
 * Milliseconds. The quickest crash loop that must still climb: a container that
 * dies every 11 s would otherwise be restarted at once for ever.
 */
const slowestLoop = seconds(11)

/** Milliseconds; what a SONiC server's keepalive enforcement lets pass. */
const slowestPing = seconds(20)

/** Refuses what contradicts itself or cannot be reached. */
export const checked = (policy: Policy): Either.Either<Policy, PolicyError> => {
  const faults: Array<string> = []
  const refuse = (condition: boolean, fault: string): void => {
    if (condition) faults.push(fault)
  }
  for (const name of ["restart", "transfer", "hints"] as const) {
    const ladder = policy[name]
    refuse(ladder.base <= 0, `${name}.base: must be longer than nothing`)
    refuse(ladder.cap < ladder.base, `${name}.cap: is shorter than ${name}.base`)
    refuse(ladder.payback <= 0, `${name}.payback: must be longer than nothing`)
    refuse(
      name !== "hints" && ladder.payback <= slowestLoop,
      `${name}.payback: must be longer than 11s, or a container that dies every 11 s never climbs`
    )
    refuse(
      ladder.factor === 1 && ladder.cap > ladder.base,
      `${name}.cap: is never reached, since ${name}.factor is 1`
    )
    refuse(topLevel(ladder) >= 64, `${name}.cap: is not reached within 64 levels`)
  }
  const { connection } = policy
  refuse(connection.timeout <= 0, "connection.timeout: must be longer than nothing")
  refuse(connection.base <= 0, "connection.base: must be longer than nothing")
  refuse(connection.cap < connection.base, "connection.cap: is shorter than connection.base")
  refuse(connection.cap > seconds(10), "connection.cap: must be 10s at most, or an NPU that is back waits for us")
  refuse(
    connection.keepalive !== 0 && connection.keepalive <= slowestPing,
    "connection.keepalive: must be 0ms or longer than 20s, which is what SONiC's server bears"
  )
  refuse(connection.keepaliveTimeout <= 0, "connection.keepaliveTimeout: must be longer than nothing")
  refuse(policy.monitoring.period <= 0, "monitoring.period: must be longer than nothing")
  refuse(policy.clock.period <= 0, "clock.period: must be longer than nothing")
  refuse(policy.events.window <= 0, "events.window: must be longer than nothing")
  refuse(policy.health.eagerPeriod <= 0, "health.eagerPeriod: must be longer than nothing")
  refuse(policy.health.period < policy.health.eagerPeriod, "health.period: is shorter than health.eagerPeriod")
  refuse(policy.health.timeout <= 0, "health.timeout: must be longer than nothing")
  faults.push(...callFaults(policy.rpc), ...upgradeFaults(policy.upgrade, policy.restart, policy.monitoring.period))
  return faults.length === 0 ? Either.right(policy) : Either.left(new PolicyError({ faults }))
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** `override` over `base`, record by record; anything but a record replaces. */
const merge = (base: unknown, override: unknown): unknown =>
  isRecord(base) && isRecord(override)
    ? Object.fromEntries(
      [...new Set([...Object.keys(base), ...Object.keys(override)])].map((key) => [
        key,
        key in override ? merge(base[key], override[key]) : base[key]
      ])
    )
    : override
