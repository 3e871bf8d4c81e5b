import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as fc from "fast-check"

import { next } from "../../../src/decide/random.ts"
import { ambiguous, errorClasses } from "../../../src/policy/calls.ts"
import { callRows, timeLine } from "../../../src/policy/explain.ts"
import { checked, defaults, fromJson, type Policy } from "../../../src/policy/policy.ts"
import * as Schedules from "../../../src/policy/schedules.ts"
import { ha, restart, runs, settled, stopped } from "../decide/bench.ts"

const policies = fc.record({
  base: fc.integer({ min: 1, max: 10_000 }),
  factor: fc.double({ min: 1.2, max: 10, noNaN: true }),
  cap: fc.integer({ min: 10_000, max: 600_000 }),
  jitter: fc.double({ min: 0, max: 0.5, noNaN: true }),
  payback: fc.integer({ min: 11_001, max: 1_000_000 })
}).map((ladder): Policy => ({ ...defaults, restart: ladder })).filter((policy) => Either.isRight(checked(policy)))

const crashes = 12

/** What the step made a container wait before each start of a crash loop, and the numbers that it drew. */
const stepWaits = (
  policy: Policy
): { readonly waits: ReadonlyArray<number>; readonly drawn: ReadonlyArray<number> } => {
  const bench = settled(policy)
  const waits: Array<number> = []
  const drawn: Array<number> = []
  for (let crash = 0; crash < crashes; crash += 1) {
    drawn.push(next(bench.memory.durable.random)[0])
    bench.look({ [ha]: stopped })
    waits.push(bench.record(ha).due!.at - bench.mono)
    bench.wait(waits.at(-1)!).give({ _tag: "Woke" })
    restart(bench, ha)
    bench.look({ [ha]: runs("1.0", `n${crash}`) })
  }
  return { waits, drawn }
}

/** Effect's Random, with these numbers. */
const scripted = (numbers: ReadonlyArray<number>): Random.Random => {
  let index = 0
  return Object.create(Random.make("unused"), {
    next: { value: Effect.sync(() => numbers[index++]!) }
  }) as Random.Random
}

const scheduleWaits = (policy: Policy, drawn: ReadonlyArray<number>): ReadonlyArray<number> =>
  Effect.runSync(
    Schedule.run(Schedules.ladder(policy.restart).pipe(Schedule.delays), 0, drawn.map(() => undefined)).pipe(
      Effect.map((delays) => Chunk.toReadonlyArray(delays).map(Duration.toMillis)),
      Effect.withRandom(scripted(drawn))
    )
  )

describe("one policy", () => {
  it("is the same to the step, to the Schedule and to whoever prints it", () => {
    fc.assert(
      fc.property(policies, (policy) => {
        const { drawn, waits } = stepWaits(policy)
        // The monotonic clock of the workbench is a float; the waits are whole.
        assert.deepStrictEqual(scheduleWaits(policy, drawn), waits.map(Math.round))
        const rungs = timeLine(policy.restart)
        waits.forEach((wait, level) => {
          const rung = rungs[Math.min(level, rungs.length - 1)]!
          assert.isAtLeast(Math.round(wait), rung.shortest)
          assert.isAtMost(Math.round(wait), rung.longest)
        })
      }),
      { numRuns: 50 }
    )
  })

  it("prints when a container that dies at once is tried", () => {
    assert.deepStrictEqual(timeLine(defaults.restart).map((rung) => rung.after / 1000), [0, 1, 3, 7, 15, 31, 63, 123])
  })
})

describe("the table of calls", () => {
  it("lets only reads be tried again, and has every uncertain change read back", () => {
    for (const row of callRows(defaults)) {
      const isRead = ["ListContainer", "ListImage", "Time", "Verify"].includes(row.method)
      if (!isRead) assert.deepStrictEqual([row.tries, row.retried], [1, []], row.method)
      for (const uncertain of ambiguous) assert.strictEqual(row.readBack.includes(uncertain), !isRead, row.method)
    }
  })

  it("refuses to call an uncertain change certain", () => {
    for (const uncertain of errorClasses) {
      const policy = fromJson({ rpc: { StopContainer: { on: { [uncertain]: "giveUp" } } } })
      assert.strictEqual(Either.isLeft(policy), ambiguous.has(uncertain), uncertain)
    }
    assert.isTrue(Either.isLeft(fromJson({ rpc: { StopContainer: { on: { NotFound: "retry" } } } })))
    assert.isTrue(Either.isLeft(fromJson({ rpc: { StopContainer: { tries: 2 } } })))
  })
})
