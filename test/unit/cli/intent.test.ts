import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

import type { ControlClientShape } from "../../../src/cli/control-client.ts"
import { intend, type IntentOptions } from "../../../src/cli/intent.ts"
import { settle } from "../../../src/cli/problem.ts"
import type { ContainerStatus } from "../../../src/control/views.ts"
import { noDaemon, recorder, run } from "./console.ts"
import * as views from "./views.ts"

type Answers = ReadonlyArray<ContainerStatus | "away">

/** A daemon that shows these, one at each look, the last for ever. */
const daemon = (answers: Answers): Partial<ControlClientShape> & { readonly looks: () => number } => {
  let looks = 0
  return {
    looks: () => looks,
    start: () => Effect.succeed(views.accepted("running")),
    stop: () => Effect.succeed(views.accepted("stopped")),
    status: () =>
      Effect.suspend(() => {
        const answer = answers[Math.min(looks++, answers.length - 1)]
        return answer === undefined || answer === "away" ? Effect.fail(noDaemon) : Effect.succeed(answer)
      })
  }
}

const waiting = (over: Partial<ContainerStatus> = {}): ContainerStatus =>
  views.status({
    container: views.container({ state: "Absent" }),
    activity: "starting docker-sonic-gnmi:20241211.35",
    intent: { desired: "running", recordedAt: "2026-01-01T00:00:00.000Z", fulfilled: false },
    ...over
  })

const start = (client: Partial<ControlClientShape>, options: Partial<IntentOptions> = {}, pass = "0 millis") =>
  Effect.gen(function*() {
    yield* TestClock.setTime(Date.parse("2026-01-01T00:00:00.000Z"))
    const fiber = yield* Effect.fork(
      run(settle(intend("running", { container: "gnmi", wait: true, timeout: 60_000, ...options })), { client })
    )
    yield* TestClock.adjust(pass as "0 millis")
    return yield* Fiber.join(fiber)
  })

describe("start and stop", () => {
  it.effect("wait until a look shows it done", () =>
    Effect.gen(function*() {
      const client = daemon([waiting(), waiting(), views.status()])
      const result = yield* start(client, {}, "200 millis")
      assert.deepStrictEqual(result, {
        code: 0,
        out: "gnmidpu0 is running on docker-sonic-gnmi:20241211.35\n",
        err: ""
      })
      assert.strictEqual(client.looks(), 3)
    }))

  it.effect("end by --timeout also where the intent itself is not answered, and say that it may stand", () =>
    Effect.gen(function*() {
      const { code, err } = yield* start(
        { ...daemon(["away"]), start: () => Effect.never },
        { timeout: 3000 },
        "3 seconds"
      )
      assert.strictEqual(code, 4)
      assert.match(
        err,
        /^offloadctl: offloadd has not answered in 3 s; what was asked for may be carried out all the same/
      )
    }))

  it.effect("--no-wait returns once it is recorded", () =>
    Effect.gen(function*() {
      const client = daemon(["away"])
      const result = yield* start(client, { wait: false })
      assert.deepStrictEqual(result, {
        code: 0,
        out: "recorded: gnmidpu0 shall be running; not waiting for it\n",
        err: ""
      })
      assert.strictEqual(client.looks(), 0)
    }))

  it.effect("survive a restart of the daemon, and its older memory", () =>
    Effect.gen(function*() {
      const older = waiting({ intent: { desired: "stopped", recordedAt: "2025-12-01T00:00:00.000Z", fulfilled: true } })
      const result = yield* start(daemon([waiting(), "away", "away", older, views.status()]), {}, "1 seconds")
      assert.strictEqual(result.code, 0)
      assert.strictEqual(
        result.err,
        `offloadctl: ${noDaemon.message}. The intent is on offloadd's disk and stands: waiting until it is back\n`
      )
    }))

  it.effect("exit 6 at the time-out and say when it will be done", () =>
    Effect.gen(function*() {
      const view = waiting({
        container: views.container({ state: "Stopped", nextRetryAt: "2026-01-01T00:00:31.500Z" }),
        activity: "waiting before start 6: it ended by itself"
      })
      const { code, err, out } = yield* start(daemon([view]), { timeout: 1500 }, "1500 millis")
      assert.deepStrictEqual([code, out], [6, ""])
      assert.strictEqual(
        err,
        "offloadctl: gnmidpu0 is not running after 1.5 s. The intent is recorded and stands; offloadd goes on: "
          + "waiting before start 6: it ended by itself; the next try is in 30s\n"
      )
    }))

  it.effect("exit 5 at the time-out where the NPU is not reachable then", () =>
    Effect.gen(function*() {
      const view = waiting({ npu: views.npu({ reachable: false, reason: "no route to host" }) })
      const { code, err } = yield* start(daemon([waiting(), view]), { timeout: 1000 }, "1 seconds")
      assert.strictEqual(code, 5)
      assert.include(
        err,
        "gnmidpu0 was not seen running in 1 s. The intent is recorded and stands: it is carried out as soon as the NPU 169.254.200.254:8080 can be reached"
      )
      assert.include(err, "no route to host")
    }))

  const unseen: ReadonlyArray<readonly [string, Parameters<typeof views.container>[0]]> = [
    ["it cannot be seen", { state: "Unknown" }],
    ["it was seen before the intent only", { observedAt: "2025-12-31T23:59:52.000Z" }]
  ]
  for (const [why, over] of unseen) {
    it.effect(`do not say what is not known: ${why}`, () =>
      Effect.gen(function*() {
        const view = waiting({ container: views.container(over), activity: "looking at it" })
        const { code, err } = yield* start(daemon([view]), { timeout: 1000 }, "1 seconds")
        assert.deepStrictEqual([code, err], [
          6,
          "offloadctl: gnmidpu0 was not seen running in 1 s. The intent is recorded and stands; offloadd goes on: "
          + "looking at it\n"
        ])
      }))
  }

  it.effect("exit 4 at the time-out where the daemon is gone", () =>
    Effect.gen(function*() {
      const { code, err } = yield* start(daemon(["away"]), { timeout: 1000 }, "1 seconds")
      assert.strictEqual(code, 4)
      assert.include(err, "was not seen running in 1 s. The intent is recorded and stands")
    }))

  it.effect("say at Ctrl-C that the intent stands", () =>
    Effect.gen(function*() {
      const { client, said, screen } = recorder({ client: daemon([waiting()]) })
      const options: IntentOptions = { container: "gnmi", wait: true, timeout: 60_000 }
      const fiber = yield* Effect.fork(run(settle(intend("running", options)), { client, screen }))
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(
        said.err,
        "offloadctl: interrupted. The intent is recorded and stands: gnmidpu0 shall be running\n"
      )
    }))

  it.effect("exit 1 where it was not recorded", () =>
    Effect.gen(function*() {
      const { code, err } = yield* start({
        start: () => Effect.fail({ _tag: "NotRecorded", message: "the disk is full" })
      })
      assert.deepStrictEqual([code, err], [1, "offloadctl: not recorded, nothing was changed: the disk is full\n"])
    }))

  it.effect("exit 1 where somebody asks for the opposite meanwhile", () =>
    Effect.gen(function*() {
      const opposite = waiting({
        intent: { desired: "stopped", recordedAt: "2026-01-01T00:00:05.000Z", fulfilled: false }
      })
      const { code, err } = yield* start(daemon([waiting(), opposite]), {}, "1 seconds")
      assert.strictEqual(code, 1)
      assert.include(err, "somebody asked for the opposite")
    }))

  it.effect("stop says how to start again", () =>
    Effect.gen(function*() {
      const stopped = views.status({
        container: views.container({ state: "Stopped", desired: "stopped" }),
        intent: { desired: "stopped", recordedAt: "2026-01-01T00:00:00.000Z", fulfilled: true }
      })
      const result = yield* run(settle(intend("stopped", { container: "gnmi", wait: true, timeout: 1000 })), {
        client: daemon([stopped])
      })
      assert.strictEqual(result.out, "gnmidpu0 is stopped and stays so until \"offloadctl start gnmi\"\n")
    }))
})
