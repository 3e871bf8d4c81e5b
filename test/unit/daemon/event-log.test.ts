import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"

import { EventFold } from "../../../src/daemon/event-fold.ts"
import * as EventLog from "../../../src/daemon/event-log.ts"
import type { Event, EventBody } from "../../../src/model/event.ts"
import { defaults } from "../../../src/policy/policy.ts"

const said = (reason: string, container?: string): EventBody => ({
  severity: "warning",
  reason,
  message: `${reason} happened`,
  ...(container === undefined ? {} : { container })
})

const { burst, window } = defaults.events

describe("the log of events", () => {
  it.scoped("tells a storm as single lines to a bound, then as one with a count when the window ends", () =>
    Effect.gen(function*() {
      const sunk: Array<Event> = []
      const scope = yield* Scope.make()
      const context = yield* Layer.build(EventLog.layer).pipe(
        Effect.provideService(EventLog.EventSink, (events) => Effect.sync(() => void sunk.push(...events))),
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
      assert.deepStrictEqual(yield* log.recent, sunk)
      yield* log.append([said("Stopped", "ha")])
      assert.lengthOf(sunk, 2 * burst + 4)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(sunk.at(-1)?.count, 1, "what is folded at shut-down is told")
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

  it("never swallows what an operator asked for", () => {
    const fold = new EventFold(defaults.events)
    for (let event = 0; event < 100; event += 1) {
      assert.isDefined(fold.add(said("RetryRequested", "ha"), event))
      assert.isDefined(fold.add(said("StopRequested", "ha"), event))
    }
  })
})
