import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/TestClock"

import { settle } from "../../../src/cli/problem.ts"
import { isDegraded, status } from "../../../src/cli/status.ts"
import type { ContainerStatus } from "../../../src/control/views.ts"
import { run } from "./console.ts"
import * as views from "./views.ts"

const now = TestClock.setTime(Date.parse("2026-01-01T00:01:30.000Z"))

const ask = (container: string | undefined, view: ContainerStatus, output: "table" | "json" = "table") =>
  Effect.zipRight(
    now,
    run(settle(status({ container, output })), {
      client: { status: () => Effect.succeed(view), list: Effect.succeed(views.list({ npu: view.npu })) }
    })
  )

describe("status", () => {
  it.effect("says why, since when, what comes next and what can be done", () =>
    Effect.gen(function*() {
      const { code, out } = yield* ask(
        "gnmi",
        views.status({
          container: views.container({
            state: "Stopped",
            healthy: "Unknown",
            restarts: 7,
            lastReason: "it ended by itself",
            nextRetryAt: "2026-01-01T00:02:00.000Z",
            observedAt: "2026-01-01T00:01:29.000Z"
          }),
          attempt: 5,
          activity: "waiting before start 6: it ended by itself",
          advice: ["offloadctl retry gnmi tries at once"],
          intent: { desired: "running", recordedAt: "2025-12-30T00:00:00.000Z", fulfilled: false },
          conditions: [
            {
              type: "Running",
              status: "False",
              reason: "CrashLooping",
              message: "last seen stopped",
              lastTransition: "2026-01-01T00:00:00.000Z"
            },
            {
              type: "Progressing",
              status: "False",
              reason: "Resting",
              message: "not shown",
              lastTransition: "2026-01-01T00:00:00.000Z"
            }
          ]
        })
      )
      assert.strictEqual(
        out,
        `NPU 169.254.200.254:8080 reachable since 2026-01-01T00:00:00.000Z (90s ago)

gnmidpu0 (gnmi)
  Desired       running, asked for 2025-12-30T00:00:00.000Z (2d ago)
  State         Stopped since 2026-01-01T00:00:00.000Z (90s ago)
  Last Seen     2026-01-01T00:01:29.000Z (1s ago)
  Healthy       Unknown
  Image         docker-sonic-gnmi:20241211.35
  Wanted Image  docker-sonic-gnmi:20241211.35
  Version       20241211.35
  Target        20241211.35
  Restarts      7
  Attempt       5
  Last Reason   it ended by itself
  Next Retry    2026-01-01T00:02:00.000Z (in 30s)
  Activity      waiting before start 6: it ended by itself
  Trouble       CrashLooping since 2026-01-01T00:00:00.000Z (90s ago): last seen stopped
  You Can       offloadctl retry gnmi tries at once
`
      )
      assert.strictEqual(code, 3)
    }))

  it.effect("says of output that is kept that another instance said it, and when that ended", () =>
    Effect.gen(function*() {
      const previous = { endedAt: "2026-01-01T00:00:30.000Z", lastLines: ["ready", "received SIGTERM"] }
      const { out } = yield* ask("gnmi", views.status({ previous }))
      assert.include(
        out,
        `
  Previous Output  of the instance that ended 2026-01-01T00:00:30.000Z (60s ago):
                   ready
                   received SIGTERM
`
      )
      const mute = yield* ask("gnmi", views.status({ previous: { ...previous, lastLines: [] } }))
      assert.notInclude(mute.out, "Previous Output")
    }))

  it.effect("without a name shows each, under one line for the NPU", () =>
    Effect.gen(function*() {
      const { code, out } = yield* ask(undefined, views.status())
      assert.strictEqual(out.match(/^NPU /gm)?.length, 1)
      assert.strictEqual(out.match(/^gnmidpu0 \(gnmi\)$/gm)?.length, 3)
      assert.strictEqual(code, 0)
      const json = JSON.parse((yield* ask(undefined, views.status(), "json")).out)
      assert.deepStrictEqual(json.containers, [views.status(), views.status(), views.status()])
      assert.strictEqual(json.apiVersion, "offloader/v1")
    }))

  it.effect("says that the DPU's version cannot be told, and exits 3", () =>
    Effect.gen(function*() {
      const asked = (output: "table" | "json") =>
        run(settle(status({ container: undefined, output })), {
          client: {
            status: () => Effect.succeed(views.status()),
            list: Effect.succeed(views.list({ versionUnreadable: "there is no such file" }))
          }
        })
      const { code, out } = yield* asked("table")
      assert.match(out, /^VersionUnreadable: .*: there is no such file; no upgrade begins/m)
      assert.strictEqual(code, 3)
      assert.strictEqual(JSON.parse((yield* asked("json")).out).versionUnreadable, "there is no such file")
    }))

  it.effect("prints JSON exactly as the view", () =>
    Effect.gen(function*() {
      const view = views.status()
      assert.deepStrictEqual(JSON.parse((yield* ask("gnmi", view, "json")).out), view)
    }))

  it.effect("exits 2 for an unknown container, and says which there are", () =>
    Effect.gen(function*() {
      const { code, err } = yield* run(settle(status({ container: "x", output: "table" })), {
        client: {
          status: () =>
            Effect.fail({
              _tag: "UnknownContainer",
              message: "there is no container \"x\" on this DPU; there are gnmidpu0",
              known: ["gnmidpu0"]
            })
        }
      })
      assert.deepStrictEqual([code, err], [
        2,
        "offloadctl: there is no container \"x\" on this DPU; there are gnmidpu0\n"
      ])
    }))

  it.effect("shows what is as an operator asked for as no trouble, and what is down as one trouble", () =>
    Effect.gen(function*() {
      const down = (["Running", "Healthy"] as const).map((type) => ({
        type,
        status: "False" as const,
        reason: type === "Running" ? "Absent" : "NotRunning",
        message: "it does not run",
        lastTransition: "2026-01-01T00:00:00.000Z"
      }))
      const container = views.container({ state: "Absent", healthy: "False", desired: "stopped" })
      const stopped = yield* ask("gnmi", views.status({ container, conditions: down }))
      assert.notInclude(stopped.out, "Trouble")
      assert.strictEqual(stopped.code, 0)
      const lost = yield* ask(
        "gnmi",
        views.status({ container: { ...container, desired: "running" }, conditions: down })
      )
      assert.deepStrictEqual(lost.out.match(/^ {2}Trouble .*? since/gm), ["  Trouble       Absent since"])
    }))

  it("knows what is degraded", () => {
    const of = (over: Parameters<typeof views.container>[0], npu = views.npu()) =>
      isDegraded(views.status({ npu, container: views.container(over) }))
    assert.isFalse(of({}))
    assert.isTrue(of({ state: "Unknown" }))
    assert.isTrue(of({ state: "Absent" }))
    assert.isTrue(of({ healthy: "False" }))
    assert.isFalse(of({ healthy: "Unknown" }))
    assert.isTrue(of({}, views.npu({ reachable: false })))
    assert.isTrue(of({}, views.npu({ reachable: null })))
    assert.isFalse(of({ desired: "stopped", state: "Stopped" }))
    assert.isFalse(of({ desired: "stopped", state: "Absent", healthy: "False" }))
    assert.isTrue(of({ desired: "stopped", state: "Running" }))
  })
})
