import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"

import { list } from "../../../src/cli/list.ts"
import { settle } from "../../../src/cli/problem.ts"
import type { ContainerList } from "../../../src/control/views.ts"
import { run, type Setting } from "./console.ts"
import * as views from "./views.ts"

/** 2026-01-01T00:01:30Z: a minute and a half after the views' times. */
const now = TestClock.setTime(Date.parse("2026-01-01T00:01:30.000Z"))

const show = (
  view: ContainerList,
  options: { check?: boolean; output?: "table" | "json" } = {},
  setting: Setting = {}
) =>
  Effect.zipRight(
    now,
    run(settle(list({ output: "table", check: false, ...options })), {
      client: { list: Effect.succeed(view) },
      ...setting
    })
  )

describe("list", () => {
  it.effect("prints a table in natural order", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* show(views.list({
        containers: [
          views.container({ name: "gnmidpu10" }),
          views.container({
            name: "gnmidpu2",
            state: "Stopped",
            healthy: "False",
            version: null,
            restarts: 12,
            nextRetryAt: "2026-01-01T00:01:42.000Z",
            lastReason: "it ended by itself"
          })
        ]
      }))
      assert.strictEqual(
        out,
        `NPU 169.254.200.254:8080 reachable since 2026-01-01T00:00:00.000Z (90s ago)

Container  Service  Desired  State    Healthy  Version      Target       Restarts  Next Retry  Last Reason
---------  -------  -------  -------  -------  -----------  -----------  --------  ----------  ------------------
gnmidpu2   gnmi     running  Stopped  False    N/A          20241211.35        12  in 12s      it ended by itself
gnmidpu10  gnmi     running  Running  True     20241211.35  20241211.35         0  N/A         N/A
`
      )
      assert.strictEqual(err, "")
      assert.strictEqual(code, 0)
    }))

  it.effect("says at the top that the NPU is away, and that memory cannot be saved", () =>
    Effect.gen(function*() {
      const { out } = yield* show(views.list({
        npu: views.npu({ reachable: false, reason: "no route to host" }),
        conditions: [
          {
            type: "StateDurable",
            status: "False",
            reason: "StateNotDurable",
            message: "the disk is full",
            lastTransition: "2026-01-01T00:00:00.000Z"
          },
          {
            type: "Reachable",
            status: "False",
            reason: "NoAnswer",
            message: "no route to host",
            lastTransition: "2026-01-01T00:00:00.000Z"
          }
        ]
      }))
      assert.deepStrictEqual(out.split("\n").slice(0, 3), [
        "NPU 169.254.200.254:8080 UNREACHABLE since 2026-01-01T00:00:00.000Z (90s ago): no route to host; "
        + "what its containers do is not known until it answers",
        "StateNotDurable: the disk is full",
        ""
      ])
    }))

  it.effect("says at the top why the DPU's version cannot be told, what follows and what to do", () =>
    Effect.gen(function*() {
      const view = views.list({ targetVersion: null, versionUnreadable: "/etc/v.yml has no build_version" })
      const { code, out } = yield* show(view, { check: true })
      assert.strictEqual(
        out.split("\n")[1],
        "VersionUnreadable: the DPU's SONiC version cannot be told: /etc/v.yml has no build_version; no upgrade begins "
          + "by itself until it can; mend the daemon's version file, which \"offloadctl doctor\" names"
      )
      assert.strictEqual(code, 0, "all services run")
    }))

  it.effect("says of containers what was seen last, and when, while nobody can look", () =>
    Effect.gen(function*() {
      const unseen = views.container({ state: "Unknown", observedAt: "2026-01-01T00:00:50.000Z" })
      const away = views.npu({ reachable: false, reason: "it is dark" })
      const { out } = yield* show(views.list({ npu: away, containers: [unseen] }))
      assert.include(out, "Unknown (Running 40s ago)")
      const never = { ...unseen, observedAt: null, lastState: null }
      assert.notInclude((yield* show(views.list({ npu: away, containers: [never] }))).out, "Unknown (")
      assert.notInclude((yield* show(views.list({ containers: [unseen] }))).out, "Unknown (")
    }))

  it.effect("prints JSON exactly as the view, whatever the state", () =>
    Effect.gen(function*() {
      const view = views.list({ npu: views.npu({ reachable: null, since: null }) })
      const { code, out } = yield* show(view, { output: "json" })
      assert.deepStrictEqual(JSON.parse(out), view)
      assert.strictEqual(code, 0)
    }))

  const check = (name: string, view: Partial<Parameters<typeof views.container>[0]>, expected: number) =>
    it.effect(`--check exits ${expected} where ${name}`, () =>
      Effect.gen(function*() {
        const degraded = views.list({ containers: [views.container(), views.container(view)] })
        assert.strictEqual((yield* show(degraded, { check: true })).code, expected)
        assert.strictEqual((yield* show(degraded)).code, 0)
      }))
  check("all run", {}, 0)
  check("one has stopped", { state: "Stopped" }, 3)
  check("one is absent", { state: "Absent" }, 3)
  check("one is not known to run", { state: "Unknown" }, 3)
  check("one is stopped as desired", { state: "Stopped", desired: "stopped" }, 0)
  check("one runs and fails its probe", { healthy: "False" }, 0)

  it.effect("spells out what could steer a terminal", () =>
    Effect.gen(function*() {
      const { out } = yield* show(
        views.list({ containers: [views.container({ lastReason: "a\u001B[2J\nb\u202Ec\u009B" })] })
      )
      assert.include(out, "a\\u001b[2J\\nb\\u202ec\\u009b\n")
    }))

  it.effect("colours on a terminal, and stays aligned", () =>
    Effect.gen(function*() {
      const { out } = yield* show(views.list({ containers: [views.container({ state: "Absent" })] }), {}, {
        screen: { colour: true }
      })
      assert.include(out, "\u001B[31mAbsent\u001B[0m  True")
    }))

  it.effect("ends quietly where the pipe is closed", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* show(views.list(), {}, { closesAfter: 0 }), { code: 0, out: "", err: "" })
    }))

  it.effect("exits 4 without a daemon", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* run(settle(list({ output: "table", check: false })))
      assert.deepStrictEqual([code, out], [4, ""])
      assert.strictEqual(err, "offloadctl: no offloadd answers at /run/x: there is no such socket\n")
    }))
})
