/** What the oracle reads of saves one after another, against the daemon's own decoder reading each whole. */
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"

import { decode, type Durable, encode, initial, initialContainer } from "../../../src/decide/durable.ts"
import { MemoryReader } from "../../../src/simulate/oracle/reader.ts"

const one: Durable = { ...initial(7), containers: { a: initialContainer, b: initialContainer } }
const text = (change: Partial<Durable>, mono = 5): string => encode({ ...one, ...change }, mono)
const climbed = { ...initialContainer, level: 2, due: { at: 4, cause: "Crash" as const } }

const whole = (written: string): Durable | undefined => Either.getOrUndefined(decode(written, 5))

describe("MemoryReader", () => {
  it("reads each save as the daemon would", () => {
    const reader = new MemoryReader()
    const saves = [
      text({}),
      text({ paused: true }),
      text({ containers: { b: climbed, a: initialContainer } }),
      text({ containers: { a: initialContainer } }),
      text({ dpuVersion: "1", odd: { kept: true } }),
      text({ dpuVersion: "1" }).replace(/ {2}"pastSets": \[\],\n/, ""),
      text({}).replace("\"format\": 2", "\"format\": 1")
    ]
    for (const save of saves) {
      const expected = whole(save)
      assert.isDefined(expected)
      assert.deepStrictEqual(reader.read(save), expected)
    }
  })

  it("refuses what the daemon would refuse, whatever it read before", () => {
    const reader = new MemoryReader()
    reader.read(text({}))
    for (
      const broken of [
        text({}).slice(0, 40),
        text({}).replace("\"mono\": 5", "\"mono\": \"5\""),
        text({}).replace("\"random\": 7,", ""),
        text({}).replace("\"level\": 0", "\"level\": 0.5"),
        text({}).replace("\"paused\": false", "\"paused\": 0"),
        text({}).replace(/"containers": \{[^]*?\n {2}\}/, "\"containers\": []")
      ]
    ) {
      assert.isUndefined(whole(broken))
      assert.isUndefined(reader.read(broken))
    }
    assert.deepStrictEqual(reader.read(text({})), whole(text({})))
  })
})
