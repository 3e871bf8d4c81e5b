import { assert, describe, it } from "@effect/vitest"

import { step } from "../../../../src/decide/step.ts"
import { explain } from "../../../../src/decide/upgrade/explain.ts"
import { defaults } from "../../../../src/policy/policy.ts"
import { UpgradeWorld } from "./world.ts"

/** An hour in place of a day: the world passes a second at a time. */
const policy = { ...defaults, upgrade: { ...defaults.upgrade, pruneAge: 3_600_000 } }

/** Through three versions, one after the other. */
const upgraded = (): UpgradeWorld => {
  const world = new UpgradeWorld("1.0", policy)
  world.offer("3.0")
  return world.upgradeTo("2.0").settle().upgradeTo("3.0").settle()
}

const oldest = "docker-dash-ha:1.0"

describe("pruning", () => {
  it("removes what was left behind twice, once nobody has run it for long enough, and nothing else", () => {
    const world = upgraded()
    assert.isTrue(world.images.has(oldest))
    world.pass(1800)
    assert.isTrue(world.images.has(oldest), "not before its time")
    world.pass(4000)
    assert.deepStrictEqual(
      world.calls.filter((call) => call.startsWith("RemoveImage")).sort(),
      ["docker-dash-ha:1.0", "docker-database:1.0", "docker-sonic-gnmi:1.0"].map((image) => `RemoveImage ${image}`)
    )
    assert.isTrue(world.images.has("docker-dash-ha:2.0"), "the set before the last stays")
  })

  it("keeps the DPU's own version, in quarantine as it is, also while the version cannot be told", () => {
    const world = upgraded()
    const { durable } = world.memory
    const quarantine = [{ version: "1.0", images: [], reason: "it failed", at: "" }]
    world.memory = { ...world.memory, durable: { ...durable, quarantine } }
    world.upgradeTo("1.0").pass(4000)
    world.loseVersion().pass(4000)
    assert.deepStrictEqual(world.versions(), ["3.0", "3.0", "3.0"])
    assert.isTrue(world.images.has(oldest))
  })

  it.each([
    ["another DPU runs it", "docker-dash-ha:1.0"],
    ["another DPU runs what this one never had, so that nobody knows which is newer", "docker-dash-ha:0.9"]
  ])("removes nothing of it while %s", (_, image) => {
    const world = upgraded()
    world.others.set("dash-hadpu5", image)
    world.pass(8000)
    assert.isTrue(world.images.has(oldest))
    assert.isFalse(world.images.has("docker-database:1.0"))
  })

  it("waits until a DPU that came late has run a newer one for long enough", () => {
    const world = upgraded()
    world.pass(1000).others.set("dash-hadpu5", "docker-dash-ha:2.0")
    world.pass(3000)
    assert.isTrue(world.images.has(oldest))
    world.pass(2000)
    assert.isFalse(world.images.has(oldest))
  })

  it("keeps what was seen to run on another DPU before: it may be the way back from what runs there now", () => {
    const world = upgraded()
    world.others.set("dash-hadpu5", oldest)
    world.pass(4000).others.set("dash-hadpu5", "docker-dash-ha:2.0")
    world.pass(4500)
    assert.isTrue(world.images.has(oldest))
    assert.isFalse(world.images.has("docker-database:1.0"))
    // What was tried for a while and given up changes nothing.
    world.others.set("dash-hadpu5", "docker-dash-ha:3.0")
    world.pass(600).others.set("dash-hadpu5", "docker-dash-ha:2.0")
    world.pass(4500)
    assert.isTrue(world.images.has(oldest))
    // From the next that holds, the way back is the one before it.
    world.others.set("dash-hadpu5", "docker-dash-ha:3.0")
    world.pass(4500)
    assert.isFalse(world.images.has(oldest))
    assert.isTrue(world.images.has("docker-dash-ha:2.0"))
  })

  it("removes nothing of a service whose own container cannot be seen", () => {
    const world = upgraded()
    world.command({ _tag: "SetDesired", container: "dash-hadpu2", desired: "stopped" })
    world.pass(5).containers.delete("dash-hadpu2")
    world.memory = { ...world.memory, durable: { ...world.memory.durable, fleet: {} } }
    world.pass(6000)
    assert.isTrue(world.images.has(oldest))
    assert.isFalse(world.images.has("docker-database:1.0"))
  })

  it("lets no upgrade rely on an image that is just being removed", () => {
    const world = upgraded()
    world.removalsLast = true
    while (world.memory.upgrade.pruning === undefined) world.pass(60)
    const image = world.memory.upgrade.pruning
    assert.strictEqual(image, "docker-database:1.0")
    world.archives.delete(image)
    // It takes effect at the worst of moments: after the last list, and before the start.
    world.watch = (call) => {
      if (call._tag === "Stop") world.endRemovals()
    }
    world.upgradeTo("1.0").pass(120)
    assert.deepStrictEqual(world.versions(), ["3.0", "3.0", "3.0"])
    assert.match(explain(world.memory, world.mono).message, /docker-database:1.0 is just being removed from the NPU/)
    world.endRemovals()
    world.pass(120)
    assert.deepStrictEqual(world.versions(), ["3.0", "3.0", "3.0"], "it is gone, and there is no archive of it")
    world.offer("1.0")
    world.settle()
    assert.deepStrictEqual(world.versions(), ["1.0", "1.0", "1.0"])
  })

  it("lists the images anew after a removal of which nobody knows how it ended", () => {
    const world = upgraded()
    world.removalsLast = true
    while (world.memory.upgrade.pruning === undefined) world.pass(60)
    world.upgradeTo("1.0").pass(10)
    const { pruning: image } = world.memory.upgrade
    const { memory } = step(
      world.memory,
      {
        _tag: "ImageRemoved",
        image,
        operation: "op",
        outcome: { _tag: "Ambiguous", reason: "no answer", unreachable: false }
      },
      { mono: world.mono, wall: 0, unsavable: undefined }
    )
    assert.deepStrictEqual([memory.upgrade.pruning, memory.upgrade.imagesFresh], [undefined, false])
    assert.isUndefined(memory.images.held[image])
  })

  it("removes nothing while memory cannot be saved", () => {
    const world = upgraded()
    world.unsavable = "no space left on the device"
    world.pass(6000)
    assert.isTrue(world.images.has(oldest))
  })
})
