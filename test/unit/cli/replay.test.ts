import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import type { Replayed } from "../../../src/cli/replay.ts"
import { commandLine } from "./console.ts"

const decided = (...actions: ReadonlyArray<string>) => ({
  actions,
  events: ["warning Stopped dash-hadpu0"],
  replies: []
})
const at = "2026-01-01T00:00:00.000Z"

const result: Replayed = {
  versions: ["0.1.0"],
  turns: 100,
  skipped: 4,
  otherMemory: [],
  decisions: [
    { turn: 7, at, input: "Looked", recorded: decided("Start a"), replayed: decided("Start a"), differs: false },
    { turn: 9, at, input: "Woke", recorded: decided("Start b"), replayed: decided("Stop b"), differs: true }
  ]
}

const run = (view: Replayed, ...words: ReadonlyArray<string>) =>
  commandLine(["replay", "/tmp/recording", ...words], { replay: () => Effect.succeed(view) })

describe("replay", () => {
  it.effect("shows decisions, and exits 1 where they differ", () =>
    Effect.gen(function*() {
      const { code, out } = yield* run(result)
      assert.strictEqual(code, 1)
      assert.include(out, "    does Start a\n")
      assert.include(out, "  - does Start b\n")
      assert.include(out, "  + does Stop b\n")
      assert.include(
        out,
        "100 turns recorded by version 0.1.0, 2 with a decision, 1 decided otherwise now; 4 passed over"
      )
    }))

  it.effect("shows differences alone where asked to, and exits 0 where there are none", () =>
    Effect.gen(function*() {
      assert.notInclude((yield* run(result, "--differences")).out, "Start a")
      const same = { ...result, decisions: result.decisions.slice(0, 1) }
      assert.strictEqual((yield* run(same)).code, 0)
      assert.strictEqual((yield* run({ ...same, otherMemory: [12] })).code, 1)
    }))

  it.effect("says why it cannot", () =>
    Effect.gen(function*() {
      const { code, err } = yield* commandLine(["replay", "/nowhere"])
      assert.strictEqual(code, 1)
      assert.include(err, "no such file")
    }))
})
