import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"

import { formatAddress, parseAddress, parseSeconds, parseSize } from "../../../layers/npu-sim/options.ts"

describe("addresses", () => {
  for (const text of ["127.0.0.1:0", "npu.example:50052", "[::1]:8080"]) {
    it(`${text} is read and written back`, () => {
      assert.strictEqual(formatAddress(Either.getOrThrow(parseAddress(text))), text)
    })
  }
  for (const text of ["", ":1", "host", "host:", "host:x", "::1:80", "[1.2.3.4]:80", "host:65536", "host:123456"]) {
    it(`${JSON.stringify(text)} is refused`, () => assert.isTrue(Either.isLeft(parseAddress(text))))
  }
})

describe("sizes", () => {
  const cases = [["0", 0], ["500", 500], ["1K", 1024], ["1.5MiB", 1_572_864], ["16GiB", 2 ** 34], [
    "2 GB",
    2e9
  ]] as const
  for (const [text, bytes] of cases) {
    it(`${text} is ${bytes} bytes`, () => assert.strictEqual(Either.getOrThrow(parseSize(text)), bytes))
  }
  for (const text of ["", "-1", "1X", "G", "1e9", "999999T"]) {
    it(`${JSON.stringify(text)} is refused`, () => assert.isTrue(Either.isLeft(parseSize(text))))
  }
})

describe("times", () => {
  for (const [text, seconds] of [["5", 5], ["0.05", 0.05], ["86400", 86_400]] as const) {
    it(`${text} is ${seconds} seconds`, () => assert.strictEqual(Either.getOrThrow(parseSeconds(text)), seconds))
  }
  for (const text of ["", "0", "-1", "1e3", "soon", "NaN", "86401"]) {
    it(`${JSON.stringify(text)} is refused`, () => assert.isTrue(Either.isLeft(parseSeconds(text))))
  }
})
