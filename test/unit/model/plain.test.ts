import { assert, describe, it } from "@effect/vitest"

import { plain, plainJson } from "../../../src/model/plain.ts"

const hostile = "a\u001b[2J\u0000\n\t\r\u007f\u009b\u061c\u202e\u2066\u2028\ufeff\ud800 é🦑"

describe("plain text", () => {
  it("spells out what steers a terminal, and leaves the rest", () =>
    assert.strictEqual(
      plain(hostile),
      "a\\u001b[2J\\u0000\\n\\t\\r\\u007f\\u009b\\u061c\\u202e\\u2066\\u2028\\ufeff\\ud800 é🦑"
    ))

  it("is JSON of the same meaning, also indented", () => {
    const value = { [hostile]: [hostile, 1, null] }
    for (const indent of [0, 2]) {
      const text = plainJson(value, indent)
      assert.deepStrictEqual(JSON.parse(text), value)
      assert.notMatch(text, /[^\n\x20-\x7eé🦑]/u)
    }
    assert.notInclude(plainJson(value), "\n")
    assert.include(plainJson(value, 2), "\n  ")
  })
})
