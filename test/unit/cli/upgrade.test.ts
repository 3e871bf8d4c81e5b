import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

import type { Order } from "../../../src/cli/control-client.ts"
import type { UpgradeView } from "../../../src/control/upgrade-views.ts"
import { apiVersion } from "../../../src/control/views.ts"
import { commandLine, noDaemon } from "./console.ts"
import { npu } from "./views.ts"

const view = (change: Partial<UpgradeView> = {}): UpgradeView => ({
  apiVersion,
  npu: npu(),
  dpuVersion: "2.0",
  versionUnreadable: null,
  targetVersion: "2.0",
  paused: false,
  degraded: null,
  phase: "switching",
  id: "upgrade-3",
  kind: "upgrade",
  version: "2.0",
  reason: "Switching",
  message: "upgrade-3: gnmidpu0 goes to docker-sonic-gnmi:2.0",
  next: "then dash-hadpu0",
  advice: null,
  until: null,
  refused: false,
  room: [],
  services: [{
    container: "gnmidpu0",
    image: "docker-sonic-gnmi:2.0",
    desired: "running",
    target: "docker-sonic-gnmi:2.0",
    wayBack: "docker-sonic-gnmi:1.0",
    state: "being switched"
  }],
  staged: null,
  quarantine: [],
  last: null,
  ...change
})

/** Not at 2.0 yet. */
const behind = view().services.map((service) => ({ ...service, image: "docker-sonic-gnmi:1.0" }))

const ended = (outcome: NonNullable<UpgradeView["last"]>["outcome"], reason = "so it was") =>
  view({
    phase: "idle",
    id: null,
    last: { id: "upgrade-3", kind: "upgrade", version: "2.0", outcome, reason, at: "2026-01-01T00:00:00.000Z" }
  })

const answers = (...views: ReadonlyArray<UpgradeView>) => {
  const asked: Array<readonly [Order, object]> = []
  let look = 0
  return {
    asked,
    client: {
      plan: Effect.sync(() => views[Math.min(look++, views.length - 1)]),
      order: (order: Order, request: object) =>
        Effect.sync(() => {
          asked.push([order, request])
          return { apiVersion, upgrade: "upgrade-3", version: "2.0", message: `${order} is taken` }
        })
    }
  }
}

const inTime = (line: ReadonlyArray<string>, setting: Parameters<typeof commandLine>[1]) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(commandLine(line, setting))
    for (let second = 0; second < 40; second += 1) yield* TestClock.adjust(1000)
    return yield* Fiber.join(fiber)
  })

describe("upgrade", () => {
  it.effect("gives the order and does not wait for it", () =>
    Effect.gen(function*() {
      const daemon = answers(view())
      const { code, out } = yield* commandLine(["upgrade", "--to", "SONiC-OS-2.0", "--timeout", "5s"], daemon)
      assert.strictEqual(code, 0)
      assert.include(out, "upgrade is taken; not waiting for it")
      assert.deepStrictEqual(daemon.asked, [["upgrade", { version: "SONiC-OS-2.0" }]])
    }))

  it.effect.each(
    [
      ["committed", 0],
      ["rolledBack", 7],
      ["degraded", 3],
      ["superseded", 1]
    ] as const
  )("--wait exits by how it ended: %s", ([outcome, expected]) =>
    Effect.gen(function*() {
      const { code, err, out } = yield* inTime(
        ["upgrade", "--wait"],
        answers(view(), view(), ended(outcome, "it was ha"))
      )
      assert.strictEqual(code, expected)
      assert.include(`${out}${err}`, "it was ha")
    }))

  it.effect.each([["upgrade"], ["rollback"]] as const)(
    "--wait exits 4 at the time-out where the order itself is not answered: %s",
    ([verb]) =>
      Effect.gen(function*() {
        const setting = { client: { order: () => Effect.never } }
        const { code, err } = yield* inTime([verb, "--wait", "--timeout", "20s"], setting)
        assert.strictEqual(code, 4)
        assert.include(err, "has not answered in 20 s; what was asked for may be carried out all the same")
      })
  )

  it.effect("--wait exits 6 at the time-out, with what it waits for", () =>
    Effect.gen(function*() {
      const { code, err } = yield* inTime(["upgrade", "--wait", "--timeout", "20s"], answers(view()))
      assert.strictEqual(code, 6)
      assert.include(err, "gnmidpu0 goes to docker-sonic-gnmi:2.0")
      assert.include(err, "20")
    }))

  it.effect.each([["upgrade"], ["rollback"]] as const)(
    "--wait exits 5 at the time-out where the NPU is not reachable then: %s",
    ([verb]) =>
      Effect.gen(function*() {
        const away = view({ npu: npu({ reachable: false, reason: "no route to host" }) })
        const { code, err } = yield* inTime([verb, "--wait", "--timeout", "3s"], answers(view(), away))
        assert.deepStrictEqual([code, err], [
          5,
          `offloadctl: ${verb} is taken\n`
          + "offloadctl: it is not over after 3 s. The order stands: it is carried out as soon as the NPU "
          + "169.254.200.254:8080 can be reached (no route to host)\n"
        ])
      })
  )

  it.effect("--wait exits 0 where the way back from another upgrade has led there", () =>
    Effect.gen(function*() {
      const last = {
        ...{ id: "upgrade-2", kind: "upgrade", version: "1.0", outcome: "rolledBack" } as const,
        ...{ reason: "version 2.0 is wanted now", at: "2026-01-01T00:00:00.000Z" }
      }
      const back = view({ id: "upgrade-2", version: "1.0", phase: "rollingBack" })
      const { code, out } = yield* inTime(["upgrade", "--wait"], answers(back, view({ id: null, phase: "idle", last })))
      assert.deepStrictEqual([code, out], [0, "every service is at 2.0\n"])
    }))

  it.effect("--wait exits 1 where it is refused before anything stopped", () =>
    Effect.gen(function*() {
      const refused = view({
        phase: "staging",
        refused: true,
        message: "docker-dash-ha:2.0 could not be sent: no room"
      })
      const { code, err } = yield* inTime(["upgrade", "--wait"], answers(refused))
      assert.deepStrictEqual([code, err.includes("no room")], [1, true])
    }))

  it.effect.each([["upgrade", 1], ["rollback", 0]] as const)(
    "--wait ends where another has taken the place of what was on probation: %s",
    ([verb, expected]) =>
      Effect.gen(function*() {
        const heir = view({ id: "upgrade-4", version: "3.0", phase: "probation" })
        const { code, err, out } = yield* inTime([verb, "--wait"], answers(view(), heir))
        assert.strictEqual(code, expected)
        assert.include(`${out}${err}`, "upgrade-3 to 2.0 is over: upgrade-4 has taken its place\n")
      })
  )

  it.effect("--wait waits for what was never started, where nothing is to be switched", () =>
    Effect.gen(function*() {
      const [service] = view().services
      const idle = (image: string | null, desired: "running" | "stopped" = "running") =>
        view({ phase: "idle", id: null, services: [{ ...service!, image, desired }] })
      const none = {
        order: () => Effect.succeed({ apiVersion, upgrade: null, version: "2.0", message: "none is at another" })
      }
      const wait = (...views: ReadonlyArray<UpgradeView>) =>
        inTime(["upgrade", "--wait", "--timeout", "20s"], { client: { ...answers(...views).client, ...none } })
      assert.strictEqual((yield* wait(idle(null), idle("docker-sonic-gnmi:2.0"))).out, "every service is at 2.0\n")
      assert.strictEqual((yield* wait(idle(null, "stopped"))).out, "every service that was ever started is at 2.0\n")
      assert.strictEqual((yield* wait({ ...idle(null), targetVersion: "3.0" })).code, 1)
      const { code, err } = yield* wait(idle(null))
      assert.strictEqual(code, 6)
      assert.include(err, "gnmidpu0 not started yet; \"offloadctl status SERVICE\" says why")
    }))

  it.effect("--stage-only waits for nothing where the version is on probation", () =>
    Effect.gen(function*() {
      const { code } = yield* inTime(["upgrade", "--stage-only", "--wait"], answers(view({ phase: "probation" })))
      assert.strictEqual(code, 0)
    }))

  it.effect("--stage-only ends where another order has taken its place", () =>
    Effect.gen(function*() {
      const { code, err } = yield* inTime(
        ["upgrade", "--stage-only", "--wait"],
        answers(view({ phase: "staging", version: "3.0", services: behind }))
      )
      assert.strictEqual(code, 1)
      assert.include(err, "2.0 is no longer what is wanted: another order")
    }))

  it.effect("--stage-only waits for the images alone", () =>
    Effect.gen(function*() {
      const idle = view({
        phase: "idle",
        id: null,
        kind: null,
        version: null,
        services: behind,
        message: "the images of 2.0 are on the NPU"
      })
      const daemon = answers(
        { ...idle, staged: { version: "2.0", ready: false, waits: null } },
        { ...idle, staged: { version: "2.0", ready: true, waits: null } }
      )
      const { code, out } = yield* inTime(["upgrade", "--stage-only", "--wait"], daemon)
      assert.strictEqual(code, 0)
      assert.include(out, "the images of 2.0 are on the NPU")
      assert.deepStrictEqual(daemon.asked, [["upgrade", { stageOnly: true }]])
    }))

  it.effect("--stage-only says that it waits for the end of the upgrade under way, whatever that is refused", () =>
    Effect.gen(function*() {
      const staged = { version: "2.0", ready: false, waits: "staging waits until upgrade-3 is committed" }
      const { code, err } = yield* inTime(
        ["upgrade", "--stage-only", "--wait", "--timeout", "3s"],
        answers(view({ refused: true, staged, version: "1.5", services: behind }))
      )
      assert.strictEqual(code, 6)
      assert.match(err, /The order stands; offloadd goes on: staging waits until upgrade-3 is committed\n$/)
    }))

  it.effect("--wait says once of each absence of the daemon that the order stands, and waits on", () =>
    Effect.gen(function*() {
      const { client } = answers()
      const looks = [view(), noDaemon, noDaemon, view(), noDaemon, ended("committed")]
      const plan = Effect.suspend(() => {
        const answer = looks.shift()!
        return "_tag" in answer ? Effect.fail(answer) : Effect.succeed(answer)
      })
      const { code, err } = yield* inTime(["upgrade", "--wait"], { client: { ...client, plan } })
      const word =
        `offloadctl: ${noDaemon.message}. The order is on offloadd's disk and stands: waiting until it is back\n`
      assert.deepStrictEqual([code, err], [0, `offloadctl: upgrade is taken\n${word}${word}`])
    }))

  it.effect("exits 4 without a daemon", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* commandLine(["upgrade"])).code, 4)
      const gone = { client: { ...answers(view()).client, plan: Effect.fail(noDaemon) } }
      assert.strictEqual((yield* inTime(["upgrade", "--wait", "--timeout", "5s"], gone)).code, 4)
    }))
})

describe("the plan of a daemon of another version", () => {
  it.effect("is read where only fields are missing that came later", () =>
    Effect.gen(function*() {
      const { npu: _npu, room: _room, versionUnreadable: _unreadable, ...older } = view()
      const { code, out } = yield* commandLine(["plan", "-o", "json"], { client: { plan: Effect.succeed(older) } })
      const { npu: none, room } = JSON.parse(out)
      assert.deepStrictEqual([code, room, none], [0, [], null])
      assert.match((yield* commandLine(["plan"], { client: { plan: Effect.succeed(older) } })).out, /^DPU +2\.0/)
    }))

  it.effect("is refused with that version where it is not understood", () =>
    Effect.gen(function*() {
      const { code, err } = yield* commandLine(["plan"], {
        client: { plan: Effect.succeed({ apiVersion: "offloader/v9" }), daemonVersion: Effect.succeed("9.0.0") }
      })
      assert.strictEqual(code, 1)
      assert.include(err, "offloadd's plan is not understood; it is of version 9.0.0, perhaps another version")
    }))
})

describe("rollback", () => {
  it.effect("fails where it gave way itself before it had brought anything back", () =>
    Effect.gen(function*() {
      const [last] = [ended("superseded", "version 3.0 is wanted now").last!]
      const dropped = view({ phase: "idle", id: null, last: { ...last, kind: "rollback" } })
      const { code, err } = yield* inTime(["rollback", "--wait"], answers(view({ kind: "rollback" }), dropped))
      assert.deepStrictEqual([code, err.includes("version 3.0 is wanted now")], [1, true])
      const heir = view({ id: "upgrade-4", version: "3.0" })
      assert.strictEqual((yield* inTime(["rollback", "--wait"], answers(view({ kind: "rollback" }), heir))).code, 1)
    }))

  it.effect("takes the way back for success", () =>
    Effect.gen(function*() {
      const daemon = answers(view({ phase: "rollingBack" }), ended("rolledBack"))
      const { code } = yield* inTime(["rollback", "--wait"], daemon)
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(daemon.asked, [["rollback", {}]])
    }))
})
