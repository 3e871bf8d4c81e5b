/**
 * The health monitor: looks at the NPU and probes of what runs, as one stream of
 * observations. It waits for each look to end before it pauses, so a slow NPU
 * never piles up looks; a nudge only makes the next look come earlier.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

import { Assignment } from "../model/assignment.ts"
import type { ContainerSpec } from "../model/catalogue.ts"
import type { Look } from "../model/look.ts"
import { monotonic } from "../model/monotonic.ts"
import { Npu } from "../npu/npu.ts"
import { ActivePolicy } from "../policy/policy.ts"
import { CrashLogs } from "./crash-logs.ts"
import { hints } from "./hints.ts"
import { Prober, type ProbeResult } from "./prober.ts"

export type Observation =
  | { readonly _tag: "Looked"; readonly look: Look }
  | {
    readonly _tag: "Probed"
    readonly container: string
    readonly begun: number
    readonly ended: number
    readonly result: ProbeResult["_tag"]
    readonly reason: string | undefined
  }

export interface HealthMonitorService {
  /** Never fails, never ends; looks go on only while somebody reads it. */
  readonly observations: Stream.Stream<Observation>
  /** Asks for a look now, or right after the one under way. */
  readonly nudge: Effect.Effect<void>
}

export class HealthMonitor extends Context.Tag("offloader/HealthMonitor")<HealthMonitor, HealthMonitorService>() {}

/** A container: which instance of it runs, and bells for when that changes. */
interface Subject {
  readonly spec: ContainerSpec
  instance: string | undefined
  readonly running: Effect.Latch
  readonly changed: { readonly probes: Queue.Queue<void>; readonly hints: Queue.Queue<void> }
}

export const layer: Layer.Layer<HealthMonitor, never, Npu | Prober | Assignment | CrashLogs> = Layer.effect(
  HealthMonitor,
  Effect.gen(function*() {
    const npu = yield* Npu
    const prober = yield* Prober
    const { containers, serviceHost } = yield* Assignment
    const crashLogs = yield* CrashLogs
    const policy = yield* ActivePolicy
    const names = containers.map((spec) => spec.name)
    const nudges = yield* Queue.sliding<void>(1)
    const subjects = yield* Effect.forEach(
      containers,
      (spec) =>
        Effect.all({
          spec: Effect.succeed(spec),
          instance: Effect.succeed(undefined),
          running: Effect.makeLatch(false),
          changed: Effect.all({ probes: Queue.sliding<void>(1), hints: Queue.sliding<void>(1) })
        }) as Effect.Effect<Subject>
    )

    const tell = (subject: Subject, look: Look): Effect.Effect<void> => {
      const sighting = look.result._tag === "Seen" ? look.result.sightings.get(subject.spec.name) : undefined
      // A look that failed says nothing about the instance: it is probed on.
      if (sighting === undefined || sighting._tag === "Unknown") return Effect.void
      const instance = sighting._tag === "Running" ? sighting.id : undefined
      if (instance === subject.instance) return Effect.void
      subject.instance = instance
      return Effect.all([
        instance === undefined ? subject.running.close : subject.running.open,
        Queue.offer(subject.changed.probes, undefined),
        Queue.offer(subject.changed.hints, undefined)
      ], { discard: true })
    }

    const pause = Queue.take(nudges).pipe(Effect.timeoutOption(Duration.millis(policy.monitoring.period)))

    // The look goes out before the probes hear of it: what they find out is then folded after it.
    const observed = (look: Look): Stream.Stream<Observation> =>
      Stream.concat(
        Stream.succeed<Observation>({ _tag: "Looked", look }),
        Stream.execute(Effect.forEach(subjects, (subject) => tell(subject, look), { discard: true }))
      )
    const look = npu.look(names)
    const looks = Stream.flatMap(
      Stream.concat(Stream.fromEffect(look), Stream.repeatEffect(Effect.zipRight(pause, look))),
      observed
    )

    const probes = (subject: Subject) => {
      let wait = 0
      /** Healthy answers of one instance in a row. The first may fall between an action and the look after it, and count for nothing. */
      let answers = 0
      let probed: string | undefined
      const once = Effect.gen(function*() {
        if (wait > 0) yield* Effect.timeoutOption(Queue.take(subject.changed.probes), Duration.millis(wait))
        yield* subject.running.await
        yield* Queue.takeAll(subject.changed.probes)
        const instance = subject.instance
        const begun = yield* monotonic
        const result = yield* prober.probe(
          { kind: subject.spec.probe!.kind, host: serviceHost, port: subject.spec.probe!.port },
          Duration.millis(policy.health.timeout)
        )
        const ended = yield* monotonic
        answers = result._tag !== "Healthy" ? 0 : instance === probed ? answers + 1 : 1
        probed = instance
        wait = answers > 1 ? policy.health.period : policy.health.eagerPeriod
        if (instance === undefined || instance !== subject.instance) return Option.none<Observation>()
        return Option.some<Observation>({
          _tag: "Probed",
          container: subject.spec.name,
          begun,
          ended,
          result: result._tag,
          reason: result._tag === "Healthy" ? undefined : result.reason
        })
      })
      return Stream.filterMap(Stream.repeatEffect(once), (observation) => observation)
    }

    const nudge = Effect.asVoid(Queue.offer(nudges, undefined))
    const listening = hints({
      npu,
      policy: policy.hints,
      followed: subjects.map((subject) => ({
        name: subject.spec.name,
        instance: () => subject.instance,
        changed: subject.changed.hints
      })),
      hint: (container, instance) => Effect.zipRight(nudge, crashLogs.ended(container, instance)),
      listen: crashLogs.listen
    })

    return {
      observations: Stream.mergeAll(
        [
          looks,
          Stream.drain(Stream.fromEffect(listening)),
          ...subjects.filter(({ spec }) => spec.probe !== undefined).map(probes)
        ],
        { concurrency: "unbounded", bufferSize: 4 }
      ),
      nudge
    }
  })
)
