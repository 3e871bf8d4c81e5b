import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"

import { decode, type Durable, encode, initial, initialContainer } from "../../../src/decide/durable.ts"
import { next } from "../../../src/decide/random.ts"

const durable: Durable = {
  ...initial(7),
  containers: {
    gnmidpu0: { ...initialContainer, level: 3, due: { at: 5000, cause: "Crash" }, startedAt: 1000, startedId: "abc" }
  }
}

describe("the durable memory", () => {
  it("comes back as it was, its moments moved to the new clock", () => {
    const read = Either.getOrThrow(decode(encode(durable, 4000), 100))
    assert.deepStrictEqual(read.containers["gnmidpu0"]?.due, { at: 1100, cause: "Crash" })
    assert.strictEqual(read.containers["gnmidpu0"]?.startedAt, -2900)
    assert.strictEqual(read.random, durable.random)
  })

  it("takes what a release without upgrades wrote, and what it did in its own way", () => {
    const { assigned: _, ...container } = initialContainer
    const older = {
      format: 1,
      mono: 0,
      random: 1,
      containers: { gnmidpu0: { ...container, assigned: "docker-sonic-gnmi:9" } }
    }
    const read = Either.getOrThrow(decode(JSON.stringify(older), 0))
    assert.deepStrictEqual([read.upgrade, read.quarantine, read.paused], [null, [], false])
    assert.isNull(read.containers["gnmidpu0"]?.assigned)
    const without = Either.getOrThrow(decode(JSON.stringify({ ...older, containers: { gnmidpu0: container } }), 0))
    assert.isNull(without.containers["gnmidpu0"]?.assigned)
  })

  it("keeps fields of other releases", () => {
    const text = JSON.parse(encode(durable, 0)) as Record<string, unknown>
    const later = { ...text, saga: { step: 3 } }
    const read = Either.getOrThrow(decode(JSON.stringify(later), 0))
    assert.deepStrictEqual((JSON.parse(encode(read, 0)) as Record<string, unknown>)["saga"], { step: 3 })
  })

  it.each([
    ["", "JSON"],
    ["{", "JSON"],
    ["[]", ""],
    [JSON.stringify({ ...durable, format: 99 }), "format"],
    [JSON.stringify({ ...durable, containers: { a: {} } }), "containers.a"]
  ])("refuses %j with a sentence", (text, part) => {
    const read = decode(text, 0)
    assert.isTrue(Either.isLeft(read) && read.left.includes(part))
  })
})

describe("the generator", () => {
  it("yields numbers in [0, 1) from its state alone, evenly spread", () => {
    fc.assert(fc.property(fc.integer(), (seed) => {
      const [value, state] = next(seed)
      assert.deepStrictEqual(next(seed), [value, state])
      assert.isTrue(value >= 0 && value < 1)
    }))
    let state = 42
    const buckets = new Array<number>(10).fill(0)
    for (let draw = 0; draw < 10_000; draw += 1) {
      const [value, after] = next(state)
      buckets[Math.floor(value * 10)]! += 1
      state = after
    }
    buckets.forEach((count) => assert.isTrue(count > 850 && count < 1150, `bucket of ${count}`))
  })
})
