/**
 * The health monitor: looks at the NPU and probes of what runs, told one after
 * another as observations. It waits for each look to end before it pauses, so a
 * slow NPU never piles up looks; a nudge only makes the next look come earlier.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"

import { Assignment } from "../model/assignment.ts"
import { Bell } from "../model/bell.ts"
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

export type Tell = (observation: Observation) => Effect.Effect<void>

export interface HealthMonitorService {
  /** Looks and probes for ever; whoever is told makes the next ones wait until it has taken the last. */
  readonly observe: (tell: Tell) => Effect.Effect<never>
  /** Asks for a look now, or right after the one under way. */
  readonly nudge: Effect.Effect<void>
}

export class HealthMonitor extends Context.Tag("offloader/HealthMonitor")<HealthMonitor, HealthMonitorService>() {}

/** A container: which instance of it runs, and bells for when that changes. */
interface Subject {
  readonly spec: ContainerSpec
  /** Of a server without a list every container counts as one that runs, of which nothing else is known. */
  instance: string | undefined
  /** What does not run and has not been removed yet, as last seen. */
  leftover: string | undefined
  readonly running: Effect.Latch
  readonly changed: { readonly probes: Bell; readonly hints: Queue.Queue<void> }
}

/** No engine's id has a space. */
const someInstance = "not listed"

export const layer: Layer.Layer<HealthMonitor, never, Npu | Prober | Assignment | CrashLogs> = Layer.effect(
  HealthMonitor,
  Effect.gen(function*() {
    const npu = yield* Npu
    const prober = yield* Prober
    const assignment = yield* Assignment
    const { containers } = assignment
    const crashLogs = yield* CrashLogs
    const policy = yield* ActivePolicy
    const names = containers.map((spec) => spec.name)
    const repositories = containers.map((spec) => spec.repository)
    const nudged = new Bell()
    const subjects = yield* Effect.forEach(
      containers,
      (spec) =>
        Effect.all({
          spec: Effect.succeed(spec),
          instance: Effect.succeed(undefined),
          leftover: Effect.succeed(undefined),
          running: Effect.makeLatch(),
          changed: Effect.all({ probes: Effect.sync(() => new Bell()), hints: Queue.sliding<void>(1) })
        }) as Effect.Effect<Subject>
    )

    const notify = (subject: Subject, look: Look): Effect.Effect<void> => {
      const sighting = look.result._tag === "Seen" ? look.result.sightings.get(subject.spec.name) : undefined
      const unlisted = look.result._tag === "Unlisted"
      // A look that failed says nothing about the instance: it is probed on.
      if (!unlisted && (sighting === undefined || sighting._tag === "Unknown")) return Effect.void
      const instance = unlisted ? someInstance : sighting?._tag === "Running" ? sighting.id : undefined
      if (instance === subject.instance) return Effect.void
      subject.instance = instance
      return Effect.all([
        instance === undefined ? subject.running.close : subject.running.open,
        Effect.sync(() => subject.changed.probes.ring()),
        Queue.offer(subject.changed.hints, undefined)
      ], { discard: true })
    }

    /**
     * A leftover may stand for as long as the ladder waits: what it said last is read when it is seen. Not where it has
     * no id, by which what follows it could be told from it.
     */
    const keepOutput = (subject: Subject, { result }: Look): Effect.Effect<void> => {
      const { leftover, spec: { name } } = subject
      const sighting = result._tag === "Seen" ? result.sightings.get(name) : undefined
      if (sighting === undefined || sighting._tag === "Unknown") return Effect.void
      subject.leftover = sighting._tag === "Stopped" && sighting.id !== "" ? sighting.id : undefined
      return subject.leftover === undefined || subject.leftover === leftover
        ? Effect.void
        : Effect.asVoid(Effect.fork(crashLogs.keep(name, subject.leftover, npu.log(name, false))))
    }

    /** Looks in turn, for ever: the next begins a pause after the one before it has ended. */
    const looks = Effect.fnUntraced(function*(tell: Tell): Effect.fn.Return<never> {
      while (true) {
        const look = yield* npu.look(names, repositories)
        // The look goes out before the probes hear of it: what they find out is then folded after it.
        yield* tell({ _tag: "Looked", look })
        for (const subject of subjects) {
          yield* notify(subject, look)
          yield* keepOutput(subject, look)
        }
        yield* rungOrPassed(nudged, policy.monitoring.period)
      }
    })

    const probes = Effect.fnUntraced(function*(subject: Subject, tell: Tell): Effect.fn.Return<never> {
      let wait = 0
      /** Healthy answers of one instance in a row. The first may fall between an action and the look after it, and count for nothing. */
      let answers = 0
      let probed: string | undefined
      while (true) {
        if (wait > 0) yield* rungOrPassed(subject.changed.probes, wait)
        if (subject.instance === undefined) yield* subject.running.await
        subject.changed.probes.silence()
        const instance = subject.instance
        const begun = yield* monotonic
        const result = yield* prober.probe(
          { kind: subject.spec.probe!.kind, host: assignment.serviceHost, port: subject.spec.probe!.port },
          Duration.millis(policy.health.timeout)
        )
        const ended = yield* monotonic
        answers = result._tag !== "Healthy" ? 0 : instance === probed ? answers + 1 : 1
        probed = instance
        wait = answers > 1 ? policy.health.period : policy.health.eagerPeriod
        if (instance === undefined || instance !== subject.instance) continue
        yield* tell({
          _tag: "Probed",
          container: subject.spec.name,
          begun,
          ended,
          result: result._tag,
          reason: result._tag === "Healthy" ? undefined : result.reason
        })
      }
    })

    const nudge = Effect.sync(() => nudged.ring())
    const listening = hints({
      npu,
      policy: policy.hints,
      followed: subjects.map((subject) => ({
        name: subject.spec.name,
        instance: () => subject.instance === someInstance ? undefined : subject.instance,
        changed: subject.changed.hints
      })),
      hint: (container, instance) => Effect.zipRight(nudge, crashLogs.ended(container, instance)),
      listen: crashLogs.listen
    })

    // Should one of them die, so do all.
    const observe = (tell: Tell): Effect.Effect<never> =>
      Effect.zipRight(
        Effect.all([
          looks(tell),
          listening,
          ...subjects.filter(({ spec }) => spec.probe !== undefined).map((subject) => probes(subject, tell))
        ], { concurrency: "unbounded", discard: true }),
        Effect.never
      )

    return { observe, nudge }
  })
)

/** Waits until somebody rings, or for so many milliseconds; then the bell is silent again. */
const rungOrPassed = Effect.fnUntraced(function*(bell: Bell, millis: number) {
  const ring = Effect.sync(() => bell.ring())
  const timer = yield* Effect.fork(Effect.zipRight(Effect.sleep(Duration.millis(millis)), ring))
  yield* bell.wait
  bell.silence()
  if (timer.unsafePoll() === null) yield* Fiber.interruptAsFork(timer, FiberId.none)
})
