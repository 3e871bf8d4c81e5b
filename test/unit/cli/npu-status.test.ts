import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"

import type { NpuStatus } from "../../../src/control/npu-status.ts"
import { commandLine } from "./console.ts"
import * as views from "./views.ts"

const ask = (view: unknown, ...words: ReadonlyArray<string>) =>
  Effect.zipRight(
    TestClock.setTime(Date.parse("2026-01-01T00:01:30.000Z")),
    commandLine(["status", "--npu", ...words], { client: { npu: Effect.succeed(view) } })
  )

describe("status --npu", () => {
  it.effect("says whether it answers, what it speaks, when it was looked at, and how its clock stands", () =>
    Effect.gen(function*() {
      const { code, out } = yield* ask(views.npuStatus())
      assert.strictEqual(
        out,
        `NPU 169.254.200.254:8080 reachable since 2026-01-01T00:00:00.000Z (90s ago)
  Dialect    modern, known by its reflection
  Missing    nothing
  Last Look  2026-01-01T00:01:29.000Z (1s ago), took 12 ms
  Clock      1.500 s ahead of this DPU's, within 3 ms, asked 2026-01-01T00:01:00.000Z (30s ago)
`
      )
      assert.strictEqual(code, 0)
    }))

  it.effect("says what an old server cannot do, and exits 3", () =>
    Effect.gen(function*() {
      const view: NpuStatus = views.npuStatus({
        speech: { dialect: "sonic", by: "answers", missing: ["list", "start", "deploy"] },
        clock: null,
        conditions: [{
          type: "Capable",
          status: "False",
          reason: "MissingCapability",
          message: "it cannot",
          lastTransition: "2026-01-01T00:00:30.000Z"
        }]
      })
      const { code, out } = yield* ask(view)
      assert.match(out, /Dialect +sonic, known by its answers/)
      assert.match(out, /Missing +it cannot list or start containers, or take images/)
      assert.match(out, /Clock +N\/A/)
      assert.match(out, /Trouble +MissingCapability since .*: it cannot/)
      assert.strictEqual(code, 3)
    }))

  it.effect("takes what is not the NPU's for no trouble of its", () =>
    Effect.gen(function*() {
      const of = (type: "Degraded" | "StateDurable", status: "True" | "False") => ({
        type,
        status,
        reason: type,
        message: "a set of several versions, on a full disk",
        lastTransition: "2026-01-01T00:00:30.000Z"
      })
      const { code, out } = yield* ask(
        views.npuStatus({ conditions: [of("Degraded", "True"), of("StateDurable", "False")] })
      )
      assert.notInclude(out, "Trouble")
      assert.strictEqual(code, 0)
    }))

  it.effect("answers from what is known while the NPU is away", () =>
    Effect.gen(function*() {
      const { code, out } = yield* ask(
        views.npuStatus({
          npu: views.npu({ reachable: false, reason: "no route" }),
          speech: null,
          lastLook: null,
          clock: { difference: 0, uncertainty: 1, at: "2026-01-01T00:01:00.000Z" }
        })
      )
      assert.match(out, /UNREACHABLE since .*: no route/)
      assert.match(out, /Dialect +not known yet/)
      assert.match(out, /the same as this DPU's/)
      assert.strictEqual(code, 3)
    }))

  it.effect("prints it as JSON", () =>
    Effect.gen(function*() {
      const { out } = yield* ask(views.npuStatus(), "-o", "json")
      assert.deepStrictEqual(JSON.parse(out), views.npuStatus())
    }))

  it.effect("goes without a container, and says so where an answer is not understood", () =>
    Effect.gen(function*() {
      const both = yield* ask(views.npuStatus(), "gnmi")
      assert.deepStrictEqual([both.code, both.err.includes("not both")], [2, true])
      const nonsense = yield* ask({ apiVersion: "offloader/v9" })
      assert.deepStrictEqual([nonsense.code, nonsense.err.includes("another version")], [1, true])
    }))
})
