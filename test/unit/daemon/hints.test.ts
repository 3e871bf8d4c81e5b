import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { ActivePolicy, defaults, type Policy } from "../../../src/policy/policy.ts"
import { makeWorld, names, pass, starts } from "./world.ts"

const [database] = names as [string]

const slow: Policy = { ...defaults, monitoring: { period: 5000 } }

/** Milliseconds from a crash to the start that mends it, to 50 ms. */
const reaction = (policy: Policy) =>
  Effect.gen(function*() {
    const world = yield* makeWorld(["1.0"])
    yield* Effect.provideService(world.boot, ActivePolicy, policy)
    yield* pass(9000, 50)
    assert.lengthOf(starts(world.calls), names.length)
    world.calls.length = 0
    // Right after a look, so that the next is as far away as it can be.
    const { lists } = world.answered
    while (world.answered.lists === lists) yield* pass(50, 50)
    world.engine.crash(database)
    for (let passed = 0; passed < 6000; passed += 50) {
      if (starts(world.calls).length > 0) return passed
      yield* pass(50, 50)
    }
    return 6000
  })

describe("the end of a log", () => {
  it.scoped("has a crash mended long before the next look was due", () =>
    Effect.gen(function*() {
      assert.isBelow(yield* reaction(slow), 200)
      assert.isAbove(yield* reaction({ ...slow, hints: { ...slow.hints, followLogs: false } }), 4000)
    }))
})
