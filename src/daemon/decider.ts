/**
 * The loop: takes inputs in turn, steps, saves what is durable, and only then
 * dispatches actions; records events, and only then answers commands. It decides
 * nothing itself.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FiberHandle from "effect/FiberHandle"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"

import { decode, encode, initial } from "../decide/durable.ts"
import type { Circumstances, Command, Input, Output, Reply } from "../decide/input.ts"
import { initialMemory, type Memory } from "../decide/memory.ts"
import { decidedOf } from "../decide/recording.ts"
import { step } from "../decide/step.ts"
import type { CrashLogs } from "../health/crash-logs.ts"
import { HealthMonitor } from "../health/monitor.ts"
import { Assignment } from "../model/assignment.ts"
import { bothClocks, monotonic } from "../model/monotonic.ts"
import type { ImageSource } from "../npu/image-source.ts"
import type { Npu } from "../npu/npu.ts"
import { ActivePolicy } from "../policy/policy.ts"
import { Deployments } from "./deployments.ts"
import * as Dispatch from "./dispatch.ts"
import { EventLog } from "./event-log.ts"
import { Inbox } from "./inbox.ts"
import { Recorder, turnsBetweenMemories } from "./recorder.ts"
import { StateStore, type StateStoreError } from "./state-store.ts"

export interface DeciderService {
  /** Hands an input to the loop; waits while the loop is far behind. */
  readonly offer: (input: Input) => Effect.Effect<void>
  /** Hands a command to the loop and waits until it is durable and recorded, or refused; `actor` is who asks. */
  readonly command: (command: Command, actor?: string) => Effect.Effect<Reply>
  readonly memory: Effect.Effect<Memory>
  /** The loop itself; runs until interrupted. A defect of one step leaves memory as it was before it. */
  readonly run: Effect.Effect<never>
}

export class Decider extends Context.Tag("offloader/Decider")<Decider, DeciderService>() {}

/** Inputs waiting at the most; who offers more waits, so a stuck disk piles up nothing. */
const waiting = 256

export const layer: Layer.Layer<
  Decider,
  StateStoreError,
  StateStore | EventLog | HealthMonitor | Assignment | Npu | ImageSource | Deployments | CrashLogs
> = Layer.scoped(
  Decider,
  Effect.gen(function*() {
    const store = yield* StateStore
    const events = yield* EventLog
    const deployments = yield* Deployments
    const monitor = yield* HealthMonitor
    const { containers, dpu } = yield* Assignment
    const policy = yield* ActivePolicy
    const inbox = new Inbox<Input>(waiting)
    const alarm = yield* FiberHandle.make()
    const recorder = yield* Recorder
    let recorded = 0
    const pending = new Map<number, Deferred.Deferred<Reply>>()
    let commands = 0

    const offer = (input: Input): Effect.Effect<void> => inbox.offer(input)
    const dispatch = yield* Dispatch.make(offer)

    let memory = initialMemory(yield* recall(store, events))
    /** What the file holds; undefined where nothing was saved yet, or the last try failed. */
    let saved: Memory["durable"] | undefined

    /** The failure's sentence, or undefined where the file holds what memory holds. */
    const save = (output: Output, mono: number): Effect.Effect<string | undefined> =>
      output.memory.durable === saved
        ? Effect.succeed(undefined)
        : Effect.match(store.save(encode(output.memory.durable, mono)), {
          onSuccess: () => {
            saved = output.memory.durable
            return undefined
          },
          onFailure: (error) => {
            // The next turn tries again, whether or not it changes anything: only that shows that the file can be written.
            saved = undefined
            return error.reason
          }
        })

    /** The memory first of all, and again now and then: the beginning of a recording is thrown away some day. */
    const record = Effect.fnUntraced(
      function*(before: Memory, input: Input, circumstances: Circumstances, output: Output) {
        const { version = "" } = recorder
        if (recorded++ % turnsBetweenMemories === 0) yield* recorder.record({ _tag: "Memory", version, memory: before })
        yield* recorder.record({ _tag: "Turn", now: circumstances, input, decided: decidedOf(output) })
      }
    )

    const turn = Effect.fnUntraced(function*(input: Input) {
      const at = yield* bothClocks
      const before = memory
      let output = step(memory, input, { ...at, unsavable: undefined })
      const unsavable = yield* save(output, at.mono)
      // What cannot be made durable is decided again, by the rules for that case.
      if (unsavable !== undefined) output = step(memory, input, { ...at, unsavable })
      memory = output.memory
      if (recorder.version !== undefined) yield* record(before, input, { ...at, unsavable }, output)
      for (const action of output.actions) yield* dispatch(action)
      // Recorded before anybody hears that it is done.
      if (output.events.length > 0) yield* events.append(output.events)
      for (const { id, reply } of output.replies) yield* answer(id, reply)
      if (input._tag === "Transferred") yield* deployments.conclude(input.operation, input.outcome)
      if (output.look) yield* monitor.nudge
      yield* setAlarm(output.wakeAt, at.mono)
    })

    const answer = (id: number, reply: Reply): Effect.Effect<void> => {
      const deferred = pending.get(id)
      pending.delete(id)
      return deferred === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(deferred, reply))
    }

    /** Whoever asked is told when the turn itself broke; the supervisor says why. */
    const apologise = (input: Input): Effect.Effect<void> =>
      input._tag === "Commanded"
        ? answer(input.id, { _tag: "NotRecorded", reason: "an internal error; the daemon's log has the details" })
        : Effect.void

    /** The moment that the alarm is set to; undefined where it has rung or is not set. */
    let wakesAt: number | undefined

    const setAlarm = (wakeAt: number | undefined, mono: number): Effect.Effect<void> => {
      if (wakeAt === wakesAt) return Effect.void
      wakesAt = wakeAt
      return wakeAt === undefined ? FiberHandle.clear(alarm) : Effect.asVoid(FiberHandle.run(
        alarm,
        Effect.zipRight(
          Effect.sleep(Duration.millis(Math.max(1, wakeAt - mono))),
          Effect.suspend(() => {
            wakesAt = undefined
            return offer({ _tag: "Woke" })
          })
        )
      ))
    }

    const command = Effect.fn("Decider.command")(function*(request: Command, actor?: string) {
      const id = commands += 1
      const deferred = yield* Deferred.make<Reply>()
      pending.set(id, deferred)
      yield* offer({ _tag: "Commanded", id, command: request, ...(actor === undefined ? {} : { actor }) })
      return yield* Effect.ensuring(Deferred.await(deferred), Effect.sync(() => pending.delete(id)))
    })

    // Before anybody can ask: a daemon without containers never shows.
    yield* turn({ _tag: "Configured", dpu, specs: containers, policy })

    return {
      offer,
      command,
      memory: Effect.sync(() => memory),
      // A turn is finished once begun: what was saved is also dispatched.
      run: Effect.gen(function*() {
        while (true) {
          const input = yield* inbox.take
          yield* Effect.uninterruptible(Effect.tapErrorCause(turn(input), () => apologise(input)))
        }
      })
    }
  })
)

/**
 * The memory of the daemon before this one. A text that cannot be understood is
 * kept aside, never overwritten; a file that cannot be read at all stops the
 * start, since an operator's stop might stand in it.
 */
const recall = Effect.fnUntraced(function*(
  store: StateStore["Type"],
  events: EventLog["Type"]
): Effect.fn.Return<Memory["durable"], StateStoreError> {
  const seed = yield* Random.nextIntBetween(-0x8000_0000, 0x7fff_ffff)
  const text = yield* store.load
  if (text === undefined) return initial(seed)
  const decoded = decode(text, yield* monotonic)
  if (Either.isRight(decoded)) return decoded.right
  const aside = yield* store.setAside
  yield* events.append([{
    severity: "error",
    reason: "StateUnreadable",
    message: `The saved memory in ${store.location} makes no sense (${decoded.left}). It was kept as ${aside}; `
      + "intents, a pause of automatic upgrades, quarantines, earlier sets, and an order or an upgrade under way with its "
      + "way back are forgotten: every service counts as wanted running, and what runs is taken over as it is."
  }])
  return initial(seed)
})
