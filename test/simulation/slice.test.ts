/**
 * The daemon's own program through simulated faults: a slice of the seeds, each
 * with a random subset of all faults, judged at every step. It runs on all
 * cores, in processes of its own, as `npm run simulate` does.
 *
 * `SIMULATION_SEEDS` and `SIMULATION_HOURS` make the slice larger.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { end, script } from "./command.ts"

const seeds = process.env["SIMULATION_SEEDS"] ?? "60"
const hours = process.env["SIMULATION_HOURS"] ?? "0.5"

/** What sums the traces of all seeds up. */
const traces = (output: string): string | undefined => /^traces (\S+)$/m.exec(output)?.[1]

describe("the daemon in simulation", () => {
  it.effect("keeps every invariant, and all services run once faults stop", () =>
    Effect.gen(function*() {
      const ended = yield* script("simulate.mjs", ["--seeds", seeds, "--hours", hours])
      console.log(end(ended, 4))
      assert.strictEqual(ended.code, 0, ended.output)
    }), 900_000)

  it.effect("keeps them with eight DPUs on one NPU", () =>
    Effect.gen(function*() {
      const ended = yield* script("simulate.mjs", ["--seeds", "4", "--hours", "0.1", "--dpus", "8"])
      console.log(end(ended, 4))
      assert.strictEqual(ended.code, 0, ended.output)
    }), 300_000)

  it.effect(
    "runs the same seeds the same way in another process, and other seeds another way",
    () =>
      Effect.gen(function*() {
        const some = ["--seeds", "3", "--hours", "0.1", "--workers", "1"]
        const first = yield* script("simulate.mjs", some)
        const again = yield* script("simulate.mjs", some)
        const other = yield* script("simulate.mjs", [...some, "--first", "4"])
        assert.strictEqual(first.code, 0, first.output)
        assert.isDefined(traces(first.output))
        assert.strictEqual(traces(first.output), traces(again.output))
        assert.notStrictEqual(traces(first.output), traces(other.output))
      }),
    300_000
  )
})

describe("the invariants", () => {
  it.effect("have patches that fit the sources of today", () =>
    Effect.gen(function*() {
      const ended = yield* script("mutants.mjs", ["--check"])
      assert.strictEqual(ended.code, 0, ended.output)
    }), 60_000)

  it.effect("catch faults planted in the daemon", () =>
    Effect.gen(function*() {
      const ended = yield* script("mutants.mjs", ["--quick", "--hours", "0.5"])
      console.log(ended.output)
      assert.strictEqual(ended.code, 0, ended.output)
    }), 600_000)
})
