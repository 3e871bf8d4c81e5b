import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"

import { Condition } from "../../../src/model/condition.ts"
import { Event } from "../../../src/model/event.ts"
import { monotonic } from "../../../src/model/monotonic.ts"

describe("what is told about the offloader", () => {
  for (const [name, schema] of [["a condition", Condition], ["an event", Event]] as const) {
    it(`${name} survives JSON`, () => {
      const text = Schema.parseJson(schema as Schema.Schema<unknown, unknown>)
      FastCheck.assert(FastCheck.property(Arbitrary.make(schema as Schema.Schema<unknown, unknown>), (value) => {
        const written = Schema.encodeSync(text)(value)
        assert.strictEqual(Schema.encodeSync(text)(Schema.decodeUnknownSync(text)(written)), written)
      }))
    })
  }

  it.effect("the clock of decisions counts milliseconds, and parts of them", () =>
    Effect.gen(function*() {
      const before = yield* monotonic
      yield* TestClock.adjust("1500 micros")
      assert.closeTo((yield* monotonic) - before, 1.5, 1e-6)
    }))
})
