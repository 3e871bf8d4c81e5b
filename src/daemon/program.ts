/**
 * The daemon's program: its long-lived fibers, each supervised, over the ports.
 * It never ends by itself. Shut-down is interruption: the inputs stop first, a
 * turn under way is finished, actions in flight are given up last, and the next
 * daemon reads back what they came to.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import type { Input } from "../decide/input.ts"
import * as CrashLogs from "../health/crash-logs.ts"
import * as Monitor from "../health/monitor.ts"
import { Npu } from "../npu/npu.ts"
import type { ConnectionEvent } from "../npu/wire.ts"
import { ActivePolicy } from "../policy/policy.ts"
import * as Decider from "./decider.ts"
import * as Deployments from "./deployments.ts"
import { DpuIdentity, type VersionReading } from "./dpu-identity.ts"
import * as EventLog from "./event-log.ts"
import { Notices } from "./notices.ts"
import { type FiberGaveUp, supervise } from "./supervise.ts"

/** Everything that the program is made of, above the ports. */
export const layer = Decider.layer.pipe(
  Layer.provideMerge(Monitor.layer),
  Layer.provideMerge(Layer.mergeAll(EventLog.layer, Deployments.layer, CrashLogs.layer))
)

export const run: Effect.Effect<
  never,
  FiberGaveUp,
  Decider.Decider | Monitor.HealthMonitor | Npu | DpuIdentity | EventLog.EventLog
> = Effect.gen(function*() {
  const decider = yield* Decider.Decider
  const monitor = yield* Monitor.HealthMonitor
  const identity = yield* DpuIdentity
  const npu = yield* Npu
  const events = yield* EventLog.EventLog
  const notices = yield* Notices
  const { supervision } = yield* ActivePolicy
  const into = <A>(stream: Stream.Stream<A>, input: (element: A) => Input | undefined) =>
    Stream.runForEach(stream, (element) => {
      const made = input(element)
      return made === undefined ? Effect.void : decider.offer(made)
    })
  const fibers: ReadonlyArray<readonly [string, Effect.Effect<unknown>]> = [
    ["decision loop", decider.run],
    ["health monitor", monitor.observe(decider.offer)],
    ["version watch", into(identity.versions, versionInput)],
    ["dialect watch", npu.attend],
    ["dialect news", into(npu.speech, (speech) => ({ _tag: "Spoken", speech }))],
    ["connection watch", into(npu.connection, connectionInput)],
    ["notice board", Stream.runForEach(notices, (notice) => events.append([notice]))]
  ]
  const supervised = fibers.map(([name, body]) => supervise(name, body, supervision))
  // None of them ever succeeds; the first that gives up ends them all.
  yield* Effect.all(supervised, { concurrency: "unbounded", discard: true })
  return yield* Effect.never
})

const versionInput = (reading: VersionReading): Input =>
  reading._tag === "Version"
    ? { _tag: "VersionRead", version: reading.version }
    : { _tag: "VersionUnreadable", reason: reading.reason }

/** A connection that a server closed because it idled is no news. */
const connectionInput = (event: ConnectionEvent): Input | undefined =>
  event._tag === "Disconnected" && !event.routine ? { _tag: "ConnectionLost", reason: event.reason } : undefined
