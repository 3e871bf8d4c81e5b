import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import { EventFold } from "../../../src/daemon/event-fold.ts"
import * as EventLog from "../../../src/daemon/event-log.ts"
import { EventStore, EventStoreError, type EventStoreService } from "../../../src/daemon/event-store.ts"
import type { Event, EventBody } from "../../../src/model/event.ts"
import { defaults } from "../../../src/policy/policy.ts"

const said = (reason: string, container?: string): EventBody => ({
  severity: "warning",
  reason,
  message: `${reason} happened`,
  ...(container === undefined ? {} : { container })
})

/** Keeps events in the list, while the disk takes them. */
const storeOf = (sunk: Array<Event>, disk: { fault?: string } = {}): EventStoreService => ({
  append: (events) =>
    Effect.suspend(() => {
      if (disk.fault !== undefined) return new EventStoreError({ reason: disk.fault })
      sunk.push(...events)
      return Effect.void
    }),
  read: (span) => Stream.fromIterable("last" in span ? sunk.slice(-span.last) : sunk)
})

const built = (store: EventStoreService) =>
  Effect.map(
    Effect.provideService(Layer.build(EventLog.layer), EventStore, store),
    (context) => Context.get(context, EventLog.EventLog)
  )

const collected = (events: Stream.Stream<Event>) => Effect.map(Stream.runCollect(events), Chunk.toReadonlyArray)

const { burst, window } = defaults.events

describe("the log of events", () => {
  it.scoped("tells a storm as single lines to a bound, then as one with a count when the window ends", () =>
    Effect.gen(function*() {
      const sunk: Array<Event> = []
      const scope = yield* Scope.make()
      const context = yield* Layer.build(EventLog.layer).pipe(
        Effect.provideService(EventStore, storeOf(sunk)),
        Scope.extend(scope)
      )
      const log = Context.get(context, EventLog.EventLog)
      for (let event = 0; event < burst + 12; event += 1) yield* log.append([said("Stopped", "ha")])
      yield* log.append([said("Stopped", "gnmi"), said("Unhealthy", "ha")])
      yield* TestClock.adjust(1000)
      for (let event = 0; event < burst + 2; event += 1) yield* log.append([said("Contested", "ha")])
      assert.lengthOf(sunk, 2 * burst + 2)
      yield* TestClock.adjust(window)
      assert.deepInclude(sunk.at(-1), { reason: "Contested", count: 2 }, "each storm in its own time")
      assert.deepInclude(sunk.at(-2), {
        reason: "Stopped",
        container: "ha",
        count: 12,
        message: "Stopped happened (12 times in 5 min)"
      })
      assert.deepStrictEqual(sunk.map(({ sequence }) => sequence), sunk.map((_, index) => index + 1))
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Stream.runCollect(log.past({}))), sunk)
      yield* log.append([said("Stopped", "ha")])
      assert.lengthOf(sunk, 2 * burst + 4)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(sunk.at(-1)?.count, 1, "what is folded at shut-down is told")
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)))
})

describe("the lasting log", () => {
  it.scoped("has each end of an operation, also where the daemon's own log is told but a count", () =>
    Effect.gen(function*() {
      const sunk: Array<Event> = []
      const written: Array<string> = []
      const logger = Logger.make(({ message }) => void written.push(String(message)))
      const log = yield* built(storeOf(sunk))
      const ends = (operation: string): EventBody => ({ ...said("StartFailed", "ha"), operation, outcome: "refused" })
      yield* Effect.gen(function*() {
        for (let event = 0; event < burst + 7; event += 1) yield* log.append([ends(`op-${event}`)])
        yield* TestClock.adjust(window)
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      assert.lengthOf(sunk, burst + 7, "each is recorded, and no summary counts them again")
      assert.lengthOf(yield* collected(log.past({ operation: "op-9" })), 1)
      assert.lengthOf(written, burst + 1)
      assert.include(written.at(-1), "7 times")
    }))

  it.scoped("goes on where the one before it ended, and shows both as one", () =>
    Effect.gen(function*() {
      const sunk: Array<Event> = []
      const first = yield* built(storeOf(sunk))
      yield* first.append([said("First", "ha"), said("Second", "gnmi")])
      const second = yield* built(storeOf(sunk))
      yield* second.append([said("Third", "ha")])
      assert.deepStrictEqual((yield* collected(second.past({}))).map(({ reason, sequence }) => [reason, sequence]), [
        ["First", 1],
        ["Second", 2],
        ["Third", 3]
      ])
      assert.lengthOf(yield* collected(second.past({ container: "ha" })), 2)
      const followed = yield* Effect.fork(Stream.runCollect(Stream.take(second.follow({ container: "ha" }), 3)))
      yield* Effect.yieldNow()
      yield* second.append([said("Fourth", "gnmi"), said("Fifth", "ha")])
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(yield* followed).map(({ reason }) => reason),
        ["First", "Third", "Fifth"]
      )
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)))

  it.scoped("says once that it cannot be written, and is made whole when it can", () =>
    Effect.gen(function*() {
      const sunk: Array<Event> = []
      const disk: { fault?: string } = { fault: "the disk is full" }
      const log = yield* built(storeOf(sunk, disk))
      yield* log.append([said("One")])
      yield* log.append([said("Two")])
      assert.deepInclude(yield* log.unstorable, { reason: "the disk is full" })
      assert.deepStrictEqual((yield* collected(log.past({}))).map(({ reason }) => reason), [
        "One",
        "EventsNotStored",
        "Two"
      ])
      delete disk.fault
      yield* log.append([said("Three")])
      assert.isUndefined(yield* log.unstorable)
      yield* log.append([said("Four")])
      assert.deepStrictEqual(
        sunk.map(({ reason }) => reason),
        ["One", "EventsNotStored", "Two", "Three", "EventsStored", "Four"]
      )
      assert.deepStrictEqual(sunk.map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6])
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)))
})

describe("folding", () => {
  it("goes on for as long as a storm does, a line for each window", () => {
    const fold = new EventFold(defaults.events)
    let lines = 0
    for (let mono = 0; mono < 10 * window; mono += 1000) {
      if (fold.add(said("Stopped", "ha"), mono) !== undefined) lines += 1
      lines += fold.summaries(mono).length
    }
    assert.isAtMost(lines, burst + 10)
  })

  it("forgets a storm that is over", () => {
    const fold = new EventFold(defaults.events)
    for (let event = 0; event < 100; event += 1) fold.add(said("Stopped", "ha"), event)
    assert.lengthOf(fold.summaries(window), 1)
    assert.isUndefined(fold.nextSummary)
    assert.isDefined(fold.add(said("Stopped", "ha"), 2 * window + 1))
  })

  it("takes what names different upgrades for different events", () => {
    const fold = new EventFold(defaults.events)
    const begun = (operation: string): EventBody => ({ ...said("UpgradeBegun"), operation })
    const step = (partOf: string, operation: string): EventBody => ({ ...said("Stopping", "ha"), operation, partOf })
    for (let number = 1; number <= 100; number += 1) {
      assert.isDefined(fold.add(begun(`upgrade-${number}`), number))
      assert.isDefined(fold.add(step(`upgrade-${number}`, `op-x-${number}`), number))
    }
    const again = Array.from({ length: burst }, () => fold.add(begun("upgrade-7"), 200))
    assert.strictEqual(again.filter((told) => told === undefined).length, 1, "what one upgrade says is folded")
    const steps = Array.from({ length: burst }, (_, number) => fold.add(step("upgrade-7", `op-y-${number}`), 200))
    assert.strictEqual(steps.filter((told) => told === undefined).length, 1, "its steps are, of whatever operation")
  })

  it("never swallows what an operator asked for", () => {
    const fold = new EventFold(defaults.events)
    for (let event = 0; event < 100; event += 1) {
      assert.isDefined(fold.add({ ...said("StopRequested", "ha"), actor: "root (uid 0), as claimed" }, event))
    }
  })
})
