import { assert, describe, it } from "@effect/vitest"

import { type Capability, deedsOf } from "../../../src/model/speech.ts"

describe("what an NPU cannot do", () => {
  const cases: ReadonlyArray<readonly [ReadonlyArray<Capability>, string]> = [
    [[], ""],
    [["stop"], "stop containers"],
    [["images", "deploy"], "list images or take images"],
    [["start", "logs"], "start containers or send logs"],
    [["list", "start"], "list or start containers"],
    [
      ["list", "start", "stop", "remove", "images", "deploy", "logs"],
      "list, start, stop or remove containers, list images, take images, or send logs"
    ]
  ]
  for (const [capabilities, words] of cases) {
    it(`reads ${words === "" ? "as nothing where it can all" : words}`, () => {
      assert.strictEqual(deedsOf(capabilities), words)
    })
  }
})
