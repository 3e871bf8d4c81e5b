import { assert, describe, it } from "@effect/vitest"

import { explain } from "../../../../src/decide/upgrade/explain.ts"
import { database, gnmi, ha } from "../bench.ts"
import { onProbation, UpgradeWorld } from "./world.ts"

const all = (version: string) => [version, version, version]

const refusals = (world: UpgradeWorld) =>
  world.events.filter(({ reason }) => reason === "UpgradeRefused").map(({ message }) => message)

/** Switching, held up after the first service by the second one's image. */
const heldUp = (version: string): UpgradeWorld => {
  const world = new UpgradeWorld().guarded().upgradeTo("2.0").pass(5)
  assert.strictEqual(world.phase, "switching")
  world.lose(`docker-sonic-gnmi:${version}`)
  return world.until(() => refusals(world).length > 0)
}

/** The same after two transfers in vain of three. */
const heldUpTwice = (): UpgradeWorld =>
  heldUp("1.0").until(({ memory }) => memory.durable.upgrade?.members[1]?.restarts === 2)

describe("a switch held up by an image that is gone and cannot be had", () => {
  for (const [what, version] of [["a way back", "1.0"], ["a new image", "2.0"]] as const) {
    const image = `docker-sonic-gnmi:${version}`

    it(`stands for ${what}, says so, and goes on once it can be had`, () => {
      const world = heldUp(version)
      assert.deepStrictEqual(world.versions(), ["2.0", "1.0", "1.0"])
      assert.match(refusals(world).join(), new RegExp(`^upgrade-1 to 2.0 is held where it is: ${image} could not be`))
      const { advice, message } = explain(world.memory, world.mono)
      assert.match(message, /^upgrade-1: gnmidpu2 runs on until the NPU holds its image and the one to go back to: /)
      assert.match(message, /; the set is brought back when that has failed 2 times more$/)
      assert.include(advice, image)
      assert.match(advice ?? "", /offloadctl retry --all$/)
      world.offer(version)
      world.settle()
      assert.deepStrictEqual(world.versions(), all("2.0"))
      assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
    })

    it(`fails for ${what} in the end, and is brought back without another stop`, () => {
      const world = heldUp(version).settle()
      assert.deepStrictEqual(world.versions(), all("1.0"))
      assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "rolledBack")
      assert.match(
        world.memory.durable.lastUpgrade?.reason ?? "",
        new RegExp(`^gnmidpu2 cannot be switched, since ${image} could not be brought to the NPU \\(`)
      )
      assert.deepStrictEqual(world.memory.durable.quarantine.map((entry) => entry.version), ["2.0"])
      assert.isTrue(world.calls.filter((call) => call.startsWith("Stop")).every((call) => call.includes(database)))
    })
  }

  it("counts no transfer that broke off with the connection", () => {
    const world = heldUpTwice()
    world.offer("1.0")
    world.breaks = (call) => {
      if (call._tag === "Deploy") world.reachable = false
      return false
    }
    world.until(({ reachable }) => !reachable)
    world.breaks = () => false
    world.pass(30)
    world.reachable = true
    world.settle()
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
  })

  it("counts down no tries while it waits for something else", () => {
    const world = heldUpTwice()
    world.reachable = false
    assert.notInclude(explain(world.pass(3).memory, world.mono).message, "once more")
  })

  it("counts from the third transfer in vain, whatever was before a list showed the image", () => {
    const world = new UpgradeWorld()
    world.archives.delete("docker-sonic-gnmi:2.0")
    world.upgradeTo("2.0").pass(120)
    // Another DPU has sent it.
    world.images.add("docker-sonic-gnmi:2.0")
    world.until(({ phase }) => phase === "switching").pass(3)
    world.images.delete("docker-sonic-gnmi:2.0")
    let tries = 0
    world.watch = (call) => {
      if (call._tag === "Deploy") tries += 1
    }
    world.until(({ phase }) => phase !== "switching")
    assert.strictEqual(tries, 5)
  })

  it("says why also where the daemon died before the stop of what it had assigned", () => {
    const world = new UpgradeWorld().upgradeTo("2.0")
    world.breaks = (call) => {
      if (call._tag !== "Stop" || call.container !== gnmi) return false
      world.breaks = () => false
      world.lose("docker-sonic-gnmi:2.0")
      world.kill()
      return true
    }
    world.settle()
    assert.strictEqual(world.kills, 1)
    assert.match(world.memory.durable.lastUpgrade?.reason ?? "", /could not be brought to the NPU/)
  })
})

describe("a way back", () => {
  for (
    const [how, where] of [["another has brought it back", "images"], ["it can be had again", "archives"]] as const
  ) {
    it(`is not given up for what was true in an upgrade before: meanwhile ${how}`, () => {
      const world = new UpgradeWorld()
      world.offer("3.0")
      world.command({ _tag: "SetDesired", container: ha, desired: "stopped" })
      world.pass(5)
      world.lose("docker-dash-ha:1.0")
      world.archives.delete("docker-sonic-gnmi:2.0")
      world.upgradeTo("2.0").until((now) => now.reasons().includes("WayBackLost"))
      world[where].add("docker-dash-ha:1.0")
      world.upgradeTo("3.0").settle()
      assert.deepStrictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
      assert.strictEqual(world.memory.durable.previousSet?.[ha], "docker-dash-ha:1.0")
    })
  }

  it("that is gone is not gone to: what runs well runs on, and the set is Degraded", () => {
    const world = onProbation()
    world.lose("docker-database:1.0")
    world.watch = (call) => assert.isFalse(call._tag === "Stop" && call.container === database)
    world.behave("ha", "2.0", { crashes: 500 })
    world.crash(ha)
    world.until(({ memory }) => memory.durable.degraded !== null, 1500)
    assert.lengthOf(world.running(), 3)
  })

  it("that is gone is not gone to where the list of images failed, either", () => {
    const world = onProbation()
    world.lose("docker-database:1.0")
    let lists = 0
    world.breaks = (call) => call._tag === "ListImages" && (lists += 1) === 1
    world.watch = (call) => assert.isFalse(call._tag === "Stop" && call.container === database)
    world.command({ _tag: "Rollback" })
    world.until(({ memory }) => memory.durable.degraded !== null)
    assert.isAbove(lists, 1)
  })

  it("that has vanished while the rollback waited for another service is not gone to by the list of before", () => {
    const world = onProbation()
    world.behave("database", "1.0", { neverHealthy: true })
    world.command({ _tag: "Rollback" })
    world.pass(20)
    assert.strictEqual(world.versions()[0], "1.0")
    world.lose("docker-sonic-gnmi:1.0")
    world.watch = (call) => assert.isFalse(call._tag === "Stop" && call.container === gnmi)
    world.behave("database", "1.0", {})
    world.pass(100)
  })

  it("that cannot be had ends the rollback, also in another daemon, and another version is followed", () => {
    const world = onProbation()
    world.lose("docker-database:1.0")
    world.kill()
    world.pass(20).command({ _tag: "Rollback" })
    world.until(({ memory }) => memory.durable.degraded !== null)
    world.offer("3.0")
    world.upgradeTo("3.0").settle()
    assert.deepStrictEqual(world.versions(), all("3.0"))
    assert.isNull(world.memory.durable.degraded)
  })

  it("that is gone while its saga took over from one on probation ends in Degraded, not in a rollback for ever", () => {
    const world = onProbation()
    world.offer("3.0")
    world.upgradeTo("3.0").until(({ phase }) => phase === "switching").pass(3)
    world.lose("docker-sonic-gnmi:1.0")
    world.until(({ memory }) => memory.durable.degraded !== null, 1500)
    assert.lengthOf(world.running(), 3)
  })

  it("that was lost is not said to run again: where the set fails, it is Degraded", () => {
    const world = new UpgradeWorld()
    world.lose("docker-sonic-gnmi:1.0")
    world.containers.delete(gnmi)
    world.behave("database", "2.0", { crashes: 500 })
    world.upgradeTo("2.0").until(({ memory }) => memory.durable.degraded !== null, 1500)
    assert.notInclude(world.reasons(), "RolledBack")
    assert.include(world.memory.durable.degraded, `${gnmi} had no way back and was not switched`)
  })
})

describe("a set on probation", () => {
  it("fails, and is brought back, where a new image vanishes on probation with its container and is not to be had", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(90)
    assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
    world.images.delete("docker-dash-ha:2.0")
    world.archives.delete("docker-dash-ha:2.0")
    world.containers.delete(ha)
    world.settle()
    assert.deepStrictEqual(world.versions(), all("1.0"))
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "rolledBack")
    assert.include(
      world.memory.durable.lastUpgrade?.reason,
      `${ha} failed 3 times (docker-dash-ha:2.0 could not be brought to the NPU`
    )
    assert.deepStrictEqual(world.memory.durable.quarantine.map(({ version }) => version), ["2.0"])
  })

  it("fails where somebody brings an older one back in its place, and the new image is not to be had", () => {
    const world = onProbation()
    world.lose("docker-database:2.0")
    world.replace(database, "docker-database:1.0")
    world.settle()
    assert.deepStrictEqual(world.versions(), all("1.0"))
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "rolledBack")
  })
})
