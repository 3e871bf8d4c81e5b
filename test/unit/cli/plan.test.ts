import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { upgradeView } from "../../../src/daemon/upgrade-view.ts"
import { UpgradeWorld } from "../decide/upgrade/world.ts"
import { commandLine } from "./console.ts"

const plan = (world: UpgradeWorld, ...line: ReadonlyArray<string>) =>
  commandLine(["plan", ...line], {
    client: {
      plan: Effect.succeed(
        upgradeView(world.memory, "npu:8080", { mono: world.mono, wall: Date.UTC(2026, 0, 1) + world.mono })
      )
    }
  })

describe("plan", () => {
  it.effect("says that nothing is to be done", () =>
    Effect.gen(function*() {
      const { code, out } = yield* plan(new UpgradeWorld())
      assert.strictEqual(code, 0)
      assert.match(out, /Now +UpToDate: every service is at 1\.0/)
      assert.match(out, /gnmidpu2 +docker-sonic-gnmi:1\.0 +N\/A +N\/A +unchanged/)
    }))

  it.effect("says what is done, what comes next, and each service's way back", () =>
    Effect.gen(function*() {
      const { out } = yield* plan(new UpgradeWorld().upgradeTo("2.0").pass(15))
      assert.match(out, /Upgrade +upgrade-1, switching/)
      assert.match(out, /Next +then dash-hadpu2/)
      assert.match(out, /dash-hadpu2 +docker-dash-ha:1\.0 +docker-dash-ha:2\.0 +docker-dash-ha:1\.0 +to be switched/)
    }))

  it.effect("says why nothing is done, and what ends that", () =>
    Effect.gen(function*() {
      const world = new UpgradeWorld()
      world.behave("ha", "2.0", { crashes: 500 })
      const { out } = yield* plan(world.upgradeTo("2.0").settle())
      assert.match(out, /Now +Quarantined: .* not at 2\.0/)
      assert.include(out, "offloadctl release 2.0")
      assert.match(out, /Last +upgrade-1 to 2\.0 was rolled back .*dash-hadpu2 failed 3 times/)
    }))

  it.effect("says why the DPU's version cannot be told, and what to do; exits 3", () =>
    Effect.gen(function*() {
      const { code, out } = yield* plan(new UpgradeWorld().loseVersion())
      assert.match(out, /^DPU +unknown: there is no version file$/m)
      assert.match(
        out,
        /Now +VersionUnknown: .* cannot be told \(there is no version file\), so no upgrade begins by itself/
      )
      assert.match(out, /You Can +mend the daemon's version file, which "offloadctl doctor" names/)
      assert.strictEqual(code, 3)
      const ordered = new UpgradeWorld().upgradeTo("2.0").settle().loseVersion()
      ordered.command({ _tag: "Upgrade", version: "2.0", stageOnly: false })
      const met = yield* plan(ordered)
      assert.match(met.out, /Now +UpToDate: (.*\n)+You Can +mend the daemon's version file/)
      assert.strictEqual(met.code, 3)
      const meanwhile = yield* plan(new UpgradeWorld().upgradeTo("2.0").pass(15).loseVersion())
      assert.match(meanwhile.out, /^DPU +unknown: there is no version file\n(.*\n)+Now +Switching/m)
      assert.strictEqual(meanwhile.code, 3, "whatever is under way")
    }))

  it.effect("says that the NPU cannot be seen, and calls nothing present that was seen before", () =>
    Effect.gen(function*() {
      const world = new UpgradeWorld().upgradeTo("2.0").pass(60)
      assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
      world.reachable = false
      world.pass(5).command({ _tag: "Rollback" })
      const { out } = yield* plan(world.pass(5))
      assert.match(out, /^NPU npu:8080 UNREACHABLE since 2026-01-01T00:01:[\d.]+Z .*: no answer;/)
      assert.match(
        out,
        /Now +RollingBack: nothing is changed until the NPU answers; as last known, upgrade-1: .* brought back/
      )
      assert.match(out, /Container +Assigned +Goes To/)
      assert.match(
        out,
        /gnmidpu2 +docker-sonic-gnmi:1\.0 +docker-sonic-gnmi:1\.0 +docker-sonic-gnmi:1\.0 +being brought back/,
        "it still ran 2.0 when last seen"
      )
    }))

  it.effect("says that an order to stage waits for the end of the upgrade under way", () =>
    Effect.gen(function*() {
      const world = new UpgradeWorld().upgradeTo("2.0").pass(60)
      assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
      world.command({ _tag: "Upgrade", version: "3.0", stageOnly: true })
      assert.match((yield* plan(world)).out, /Staged +3\.0, staging waits until upgrade-1 is committed\n/)
      world.command({ _tag: "Rollback" })
      assert.match((yield* plan(world)).out, /Staged +3\.0, staging waits until upgrade-1 is rolled back\n/)
    }))

  it.effect("says nothing of an order to stage once an upgrade has taken it over", () =>
    Effect.gen(function*() {
      const world = new UpgradeWorld()
      world.command({ _tag: "Upgrade", version: "2.0", stageOnly: true })
      assert.match((yield* plan(world.pass(10))).out, /Staged +2\.0, ready\n/)
      assert.notInclude((yield* plan(world.upgradeTo("2.0").pass(10))).out, "Staged")
    }))

  const codes: ReadonlyArray<readonly [string, number, (world: UpgradeWorld) => UpgradeWorld]> = [
    ["an upgrade goes on by itself", 0, (world) => world.upgradeTo("2.0").pass(15)],
    ["automatic upgrades are paused, and none is due", 0, (world) => {
      world.command({ _tag: "Pause", paused: true })
      return world
    }],
    ["automatic upgrades are paused, and one is due", 3, (world) => {
      world.command({ _tag: "Pause", paused: true })
      return world.upgradeTo("2.0").pass(5)
    }],
    ["the version is in quarantine", 3, (world) => {
      world.behave("ha", "2.0", { crashes: 500 })
      return world.upgradeTo("2.0").settle()
    }],
    ["an image cannot be had", 3, (world) => world.upgradeTo("3.0").pass(5)],
    ["memory cannot be saved", 3, (world) => {
      world.unsavable = "the disk is full"
      return world.upgradeTo("2.0").pass(5)
    }],
    ["the NPU does not answer", 3, (world) => {
      world.reachable = false
      return world.pass(5)
    }]
  ]
  for (const [when, expected, come] of codes) {
    it.effect(`exits ${expected} where ${when}`, () =>
      Effect.gen(function*() {
        const { code, out } = yield* plan(come(new UpgradeWorld()))
        assert.strictEqual(code, expected, out)
      }))
  }

  it.effect("exits 3 while an image that was refused is being sent again, and while a service cannot be seen", () =>
    Effect.gen(function*() {
      const view = upgradeView(new UpgradeWorld().memory, "npu:8080", { mono: 0, wall: 0 })
      for (const over of [{ refused: true }, { reason: "StateUnknown" }]) {
        const { code } = yield* commandLine(["plan"], { client: { plan: Effect.succeed({ ...view, ...over }) } })
        assert.strictEqual(code, 3, JSON.stringify(over))
      }
    }))

  it.effect("exits 3 where the set is Degraded", () =>
    Effect.gen(function*() {
      const world = new UpgradeWorld()
      world.behave("ha", "2.0", { crashes: 500 })
      world.behave("database", "1.0", {})
      world.upgradeTo("2.0").pass(15)
      world.behave("database", "1.0", { neverHealthy: true })
      const { code, out } = yield* plan(world.settle())
      assert.deepStrictEqual([code, out.includes("Degraded")], [3, true])
    }))
})
