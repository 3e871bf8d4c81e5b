/** One fault on a SmartSwitch: injected, noticed, healed, and what it cost by the NPU's own journal. */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

import { control, until, Waited } from "../../bin/lab.ts"
import type { Fault } from "../../bin/smartswitch/fault.ts"
import { type Dpu, makeSwitch, type SmartSwitch, type SwitchOptions } from "../../bin/smartswitch/switch.ts"
import * as ControlClient from "../../layers/control/client.ts"
import type { ContainerList } from "../../src/control/views.ts"
import type { Event } from "../../src/model/event.ts"
import { calls, starts, trespasses } from "./judge.ts"

export interface Trial {
  readonly fault: string
  /** Milliseconds from the injection until the last daemon that feels it showed it; null where nothing shows. */
  readonly detected: number | null
  /** The condition or the event by which they showed it, in the word for programs; null where it is a state alone. */
  readonly shownAs: string | null
  /** Milliseconds from the end of the fault until everything on the switch ran and answered again. */
  readonly healed: number
  /** Starts that the fault made necessary. */
  readonly due: number
  /** Starts beyond those, by the NPU's journal. */
  readonly falseRestarts: number
}

/** How long anything may take; only a lab that hangs reaches it. */
const limit = "180 seconds"

/**
 * A switch on which everything runs that shall: all containers but the one that
 * an operator has stopped. Its daemons tell every event, where others would fold
 * what comes often.
 */
export const bringUp = (options: SwitchOptions) =>
  Effect.gen(function*() {
    const lab = yield* makeSwitch({ ...options, policy: { events: { burst: 1000 } } })
    const lists = yield* allSettled(lab)
    assert.strictEqual(lists.flatMap(({ containers }) => containers).length, 3 * options.dpus)
    yield* control(lab.dpus[options.dpus - 1]!.lab).stop("ha")
    yield* allSettled(lab)
    return lab
  })

/**
 * Injects, waits until it is noticed and for `hold` seconds more by the daemon's
 * own account of an outage, heals, waits until all is well. Fails where a
 * container was started without need, or by somebody whose it is not.
 */
export const trial = (lab: SmartSwitch, name: string, fault: Fault, dpu: Dpu, hold = 0) =>
  Effect.gen(function*() {
    const felt = fault.on === "dpu" ? [dpu] : lab.dpus
    const each = <A, E>(act: (one: Dpu, index: number) => Effect.Effect<A, E>) =>
      Effect.forEach(felt, act, { concurrency: "unbounded" })
    const before = yield* allSettled(lab)
    const told = yield* each((one) => eventCount(one, fault.tells))
    const toldEnd = yield* each((one) => eventCount(one, fault.tellsEnd))
    const skip = calls(lab).length
    const running = before.flatMap(({ containers }) => containers).filter(({ desired }) => desired === "running")
    const due = fault.costs?.(running.map((one) => one.name), dpu) ?? []

    const injected = yield* millis
    const heal = yield* fault.inject(lab, dpu)
    const [shownAs = null] = yield* each((one, index) =>
      Effect.zipLeft(shown(fault, one, before[one.number]!), telling(one, fault.tells, told[index]!))
    )
    const detected = fault.shows === undefined && fault.tells === undefined ? null : (yield* millis) - injected
    if (hold > 0) yield* each((one) => outlasted(one, hold))
    const healing = yield* millis
    yield* heal
    yield* each((one, index) => telling(one, fault.tellsEnd, toldEnd[index]!))
    yield* allSettled(lab, fault.healed)
    const healed = (yield* millis) - healing

    const started = starts(lab, skip)
    const falseRestarts = [...started].map(([container, count]) => count - (due.includes(container) ? 1 : 0))
    const result: Trial = {
      fault: name,
      detected,
      shownAs: fault.tells ?? shownAs,
      healed,
      due: due.length,
      falseRestarts: falseRestarts.reduce((sum, count) => sum + Math.max(0, count), 0)
    }
    console.log(JSON.stringify({ ...result, dpu: fault.on === "dpu" ? dpu.name : "all" }))
    const once = due.map((container): [string, number] => [container, 1])
    assert.deepStrictEqual(
      [...started].sort(),
      once.sort(),
      `${name}: what it stopped is started once, and nothing else`
    )
    assert.deepStrictEqual(trespasses(lab), [])
    const programs = [lab.npu.server, ...lab.dpus.map(({ daemon }) => daemon)]
    assert.deepStrictEqual(programs.flatMap((program) => program.fallen() ?? []), [])
    return result
  })

/**
 * By looks that are newer than this, all that is desired runs, answers and has
 * the right version, and what an operator stopped does not run.
 */
const allSettled = (lab: SmartSwitch, healed: Fault["healed"] = () => true) =>
  Effect.flatMap(Clock.currentTimeMillis, (since) =>
    Effect.forEach(
      lab.dpus,
      (dpu) => until(dpu.lab, "settled", (list) => settled(list, since) && healed(list), limit),
      { concurrency: "unbounded" }
    ))

/** `since` is in milliseconds since 1970. */
const settled = ({ conditions, containers, npu }: ContainerList, since: number): boolean =>
  npu.reachable === true
  && !conditions.some(({ status, type }) => type === "StateDurable" && status === "False")
  && containers.every(({ desired, healthy, observedAt, state, targetVersion, version }) =>
    observedAt !== null && Date.parse(observedAt) >= since
    && (desired === "running"
      ? state === "Running" && healthy !== "False" && healthy !== "Unknown" && version === targetVersion
      : state === "Stopped" || state === "Absent")
  )

/** Waits until the fault shows; by which condition it does. */
const shown = ({ shows }: Fault, dpu: Dpu, before: ContainerList): Effect.Effect<string | null, Waited> =>
  shows === undefined ? Effect.succeed(null) : Effect.map(
    until(dpu.lab, "noticed", (list) => shows(list, before), limit),
    ({ conditions }) => conditions.find((one) => one.status === "False" && news.has(one.type))?.reason ?? null
  )

const news: ReadonlySet<string> = new Set(["Reachable", "StateDurable"])

/** Waits until the daemon says that the NPU has not been reachable for so many seconds. */
const outlasted = (dpu: Dpu, seconds: number): Effect.Effect<unknown, Waited> =>
  until(
    dpu.lab,
    `unreachable for ${seconds} s`,
    ({ npu: { reachable, since } }) =>
      reachable === false && since !== null && Date.now() - Date.parse(since) > seconds * 1000,
    limit
  )

/** Waits until the daemon has told more events of this reason than before. */
const telling = (dpu: Dpu, reason: string | undefined, before: number): Effect.Effect<unknown, Waited> =>
  reason === undefined ? Effect.void : eventCount(dpu, reason).pipe(
    Effect.repeat({ schedule: Schedule.spaced("100 millis"), until: (count) => count > before }),
    Effect.timeoutFail({
      duration: limit,
      onTimeout: () => new Waited({ message: `${dpu.name} did not tell ${reason} within ${limit}` })
    })
  )

/** How many events of this reason the daemon has told. */
const eventCount = (dpu: Dpu, reason: string | undefined): Effect.Effect<number, Waited> => {
  if (reason === undefined) return Effect.succeed(0)
  return Effect.mapBoth(ControlClient.exchange(dpu.lab.socket)("GET", "/v1/events", undefined), {
    onFailure: ({ message }) => new Waited({ message }),
    onSuccess: ({ body }) =>
      body.split("\n").filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Event)
        .filter((event) => event.reason === reason)
        .reduce((sum, { count }) => sum + (count ?? 1), 0)
  })
}

const millis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos / 1_000_000n))
