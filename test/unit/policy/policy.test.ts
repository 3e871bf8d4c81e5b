import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"

import { format, Millis } from "../../../src/policy/duration-text.ts"
import { baseDelay, delay, type Ladder, payBack, topLevel } from "../../../src/policy/ladder.ts"
import { checked, defaults, fromJson } from "../../../src/policy/policy.ts"
import * as Schedules from "../../../src/policy/schedules.ts"

const faults = (json: unknown): string =>
  Either.match(fromJson(json), { onLeft: (error) => error.message, onRight: () => "" })

describe("the policy", () => {
  it("has defaults that stand up to its own checks", () => {
    assert.isTrue(Either.isRight(checked(defaults)))
    assert.deepStrictEqual(Either.getOrThrow(fromJson({})), defaults)
  })

  it("takes a partial file over the defaults", () => {
    const policy = Either.getOrThrow(fromJson({ restart: { base: "100ms" }, monitoring: { period: "250ms" } }))
    assert.deepStrictEqual(policy.restart, { ...defaults.restart, base: 100 })
    assert.strictEqual(policy.monitoring.period, 250)
  })

  it.each([
    [{ restart: { payback: "11s" } }, "restart.payback"],
    [{ restart: { cap: "500ms" } }, "restart.cap"],
    [{ restart: { base: "0s" } }, "restart.base"],
    [{ restart: { factor: 1 } }, "never reached"],
    [{ restart: { factor: 1.01, base: "1ms", cap: "24h" } }, "64 levels"],
    [{ restart: { jitter: 2 } }, "restart.jitter"],
    [{ monitoring: { period: 3 } }, "monitoring.period"],
    [{ monitoring: { period: "3 weeks" } }, "is not a duration"],
    [{ monitoring: { period: "0ms" } }, "longer than nothing"],
    [{ connection: { keepalive: "20s" } }, "connection.keepalive"],
    [{ connection: { cap: "1m" } }, "connection.cap"],
    [{ connection: { base: "3s", cap: "2s" } }, "connection.cap: is shorter"],
    [{ monitoring: { periods: "1s" } }, "monitoring.periods"],
    [{ health: { period: "10ms" } }, "health.period"],
    [{ health: { timeout: "0s" } }, "health.timeout"],
    [{ health: { eagerPeriod: "0s" } }, "health.eagerPeriod"],
    [{ rpc: { StartContainer: { deadline: "0s" } } }, "rpc.StartContainer.deadline"],
    [{ rpc: { Deploy: { minimumChunk: 4_000_000, maximumChunk: 2000 } } }, "rpc.Deploy.minimumChunk"],
    [{ rpc: { ListContainer: { tries: 9 } } }, "rpc.ListContainer.tries"],
    [{ upgrade: { gate: "0s" } }, "upgrade.gate"],
    [{ upgrade: { unhealthyFor: "11m" } }, "upgrade.unhealthyFor"],
    [{ upgrade: { restarts: 40 } }, "upgrade.restarts"],
    [{ upgrade: { longestStep: "1s" } }, "upgrade.longestStep"],
    [{ upgrade: { probation: "70s", saveEvery: "2m" } }, "upgrade.saveEvery"],
    ["fast", "not a JSON object"],
    [{ monitoring: { period: "500h" } }, "longer than eleven days"]
  ])("refuses %j and names the place", (json, part) => {
    assert.include(faults(json), part)
  })
})

const ladders = fc.record({
  base: fc.integer({ min: 1, max: 10_000 }),
  factor: fc.double({ min: 1.1, max: 10, noNaN: true }),
  cap: fc.integer({ min: 10_000, max: 600_000 }),
  jitter: fc.double({ min: 0, max: 0.5, noNaN: true }),
  payback: fc.integer({ min: 11_001, max: 1_000_000 })
})

describe("the ladder", () => {
  it("waits not at all at level 0, never beyond cap and jitter, and never less at a higher level before jitter", () => {
    fc.assert(
      fc.property(
        ladders,
        fc.integer({ min: 0, max: 80 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (ladder, level, random) => {
          assert.strictEqual(delay(ladder, 0, random), 0)
          assert.isAtMost(delay(ladder, level, random), Math.ceil(ladder.cap * (1 + ladder.jitter)))
          assert.isAtLeast(baseDelay(ladder, level + 1), baseDelay(ladder, level))
        }
      )
    )
  })

  it("reaches its cap at its top level", () => {
    assert.strictEqual(baseDelay(defaults.restart, topLevel(defaults.restart)), 60_000)
    assert.isBelow(baseDelay(defaults.restart, topLevel(defaults.restart) - 1), 60_000)
  })

  it("pays a level back for each payback of running, never below 0", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 80 }), fc.integer({ min: -1000, max: 1e9 }), (level, ranFor) => {
      const left = payBack(defaults.restart, level, ranFor)
      assert.isTrue(left >= 0 && left <= level)
      assert.strictEqual(left, Math.max(0, level - Math.floor(Math.max(0, ranFor) / 120_000)))
    }))
  })

  it.effect("is the same as a Schedule as it is in the step", () =>
    Effect.gen(function*() {
      const ladder: Ladder = defaults.restart
      const waits = yield* Schedule.run(
        Schedules.ladder(ladder).pipe(Schedule.delays),
        0,
        new Array<undefined>(10).fill(undefined)
      ).pipe(Effect.withRandom(Random.make("ladder")))
      const random = Random.make("ladder")
      const expected: Array<number> = []
      for (let level = 0; level < 10; level += 1) expected.push(delay(ladder, level, yield* random.next))
      assert.deepStrictEqual(Chunk.toReadonlyArray(waits).map(Duration.toMillis), expected)
    }))
})

describe("durations as text", () => {
  it("read back as they were written", () => {
    const decode = Schema.decodeSync(Millis)
    fc.assert(fc.property(fc.integer({ min: 0, max: 1e9 }), (millis) => {
      assert.strictEqual(decode(format(millis)), millis)
    }))
  })

  it.each([[90_000, "90s"], [120_000, "2m"], [1500, "1500ms"], [7_200_000, "2h"], [0, "0ms"]])(
    "%d ms is %s",
    (millis, text) => {
      assert.strictEqual(format(millis), text)
    }
  )
})
