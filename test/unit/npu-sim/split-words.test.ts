import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"

import { splitWords } from "../../../layers/npu-sim/engine/split-words.ts"

describe("a command line is split as a shell does", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<string> | undefined]> = [
    ["", []],
    ["  a  b\tc ", ["a", "b", "c"]],
    ["sh -c 'a b' \"c d\"", ["sh", "-c", "a b", "c d"]],
    ["a'b'\"c\"d", ["abcd"]],
    ["'' \"\"", ["", ""]],
    ["a\\ b \\'", ["a b", "'"]],
    ["'a\\b'", ["a\\b"]],
    ["\"a\\\"b\"", ["a\"b"]],
    ["'open", undefined],
    ["\"open", undefined],
    ["a\\", undefined]
  ]
  for (const [text, words] of cases) {
    it(JSON.stringify(text), () => assert.deepStrictEqual(splitWords(text), words))
  }

  it("so that words in single quotes come back as they were", () => {
    fc.assert(fc.property(fc.array(fc.string().map((word) => word.replaceAll("'", ""))), (words) => {
      assert.deepStrictEqual(splitWords(words.map((word) => `'${word}'`).join(" ")), words)
    }))
  })
})
