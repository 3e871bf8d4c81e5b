import { assert, describe, it } from "@effect/vitest"

import { gnmi, ha } from "../bench.ts"
import { onProbation, UpgradeWorld } from "./world.ts"

const upgrade = (version?: string, stageOnly = false) => ({ _tag: "Upgrade", version, stageOnly } as const)
const all = (version: string) => [version, version, version]

describe("an operator's upgrade", () => {
  it("goes to another version than the DPU's, and stays there until that changes", () => {
    const world = new UpgradeWorld()
    world.offer("3.0")
    const reply = world.command(upgrade("2.0"))
    assert.deepStrictEqual(reply?._tag === "Taken" ? reply.saga : reply, "upgrade-1")
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
    world.pass(60)
    assert.deepStrictEqual(world.versions(), all("2.0"))
    world.upgradeTo("3.0").settle()
    assert.deepStrictEqual(world.versions(), all("3.0"))
  })

  it("brings images alone where only staging is asked for, so that the switch needs no transfer", () => {
    const world = new UpgradeWorld()
    world.command(upgrade("2.0", true))
    world.pass(30)
    assert.deepStrictEqual(world.versions(), all("1.0"))
    assert.isTrue(world.images.has("docker-dash-ha:2.0"))
    world.calls.length = 0
    world.upgradeTo("2.0").settle()
    assert.notInclude(world.calls.join(), "Deploy")
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("serves its probation, and nothing follows, where the DPU comes with a version that is in quarantine", () => {
    const world = new UpgradeWorld()
    world.offer("3.0")
    world.behave("ha", "2.0", { crashes: 500 })
    world.command(upgrade("2.0"))
    world.settle()
    assert.strictEqual(world.memory.durable.quarantine[0]?.version, "2.0")
    world.command(upgrade("3.0"))
    for (let second = 0; second < 120 && world.memory.durable.upgrade?.phase !== "probation"; second += 1) world.pass(1)
    world.events.length = 0
    world.upgradeTo("2.0").settle()
    assert.deepStrictEqual(world.versions(), all("3.0"))
    assert.includeMembers([...world.reasons()], ["UpgradeCommitted", "UpgradeBlocked"])
    assert.notInclude(world.reasons(), "UpgradeBegun")
  })

  it("is not taken while memory cannot be saved", () => {
    const world = new UpgradeWorld()
    world.unsavable = "no space left on the device"
    assert.strictEqual(world.command(upgrade("2.0"))?._tag, "NotRecorded")
  })
})

describe("an order in the midst of another upgrade", () => {
  for (
    const [phase, fate] of [
      ["staging", "is dropped for it, before it has stopped anything"],
      ["switching", "is brought back first"],
      ["probation", "had not proved good yet: the way back is the set before it"]
    ] as const
  ) {
    it(`says what becomes of one that is in ${phase}`, () => {
      const world = new UpgradeWorld()
      if (phase === "staging") world.archives.delete("docker-dash-ha:2.0")
      world.upgradeTo("2.0").until((now) => now.phase === phase)
      const reply = world.command(upgrade("3.0"))
      assert.strictEqual(
        reply?._tag === "Taken" ? reply.message : "",
        `the upgrade to 3.0 is ordered; upgrade-1 to 2.0 ${fate}`
      )
    })
  }
})

describe("an order to stage", () => {
  it("is carried out after the commit of what is on probation", () => {
    const world = onProbation()
    world.offer("3.0")
    const reply = world.command({ _tag: "Upgrade", version: "3.0", stageOnly: true })
    assert.deepInclude(reply, { message: "the images of 3.0 are brought to the NPU once upgrade-1 is over" })
    world.settle().until(({ images }) => images.has("docker-dash-ha:3.0"))
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })
})

describe("what an order says", () => {
  const message = (world: UpgradeWorld, version: string, stageOnly = false) => {
    const reply = world.command(upgrade(version, stageOnly))
    return reply?._tag === "Taken" ? reply.message : reply?._tag === "Declined" ? reply.reason : ""
  }

  it("is that every service is there already, but for those that were never started", () => {
    assert.strictEqual(message(new UpgradeWorld(), "1.0"), "every service is at 1.0 already")
    const world = new UpgradeWorld()
    const { [gnmi]: _started, ...containers } = world.memory.durable.containers
    world.memory = { ...world.memory, durable: { ...world.memory.durable, containers } }
    assert.strictEqual(
      message(world, "1.0"),
      `no service is at another version than 1.0; ${gnmi} will be started at it`
    )
    world.command({ _tag: "SetDesired", container: gnmi, desired: "stopped" })
    assert.strictEqual(message(world, "1.0"), "no service is at another version than 1.0")
  })

  it("is that nothing is to be staged for what is on probation", () => {
    assert.strictEqual(
      message(onProbation(), "2.0", true),
      "the images of 2.0 are on the NPU already: upgrade-1 runs them"
    )
  })

  it("is that it was not taken while an upgrade is rolled back", () => {
    const world = onProbation()
    world.command({ _tag: "Rollback" })
    assert.strictEqual(
      message(world, "3.0"),
      "not taken: upgrade-1 is being rolled back; order it again when that is over"
    )
  })
})

describe("an operator's rollback", () => {
  it("undoes what is being switched, and puts it into quarantine", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(15)
    assert.strictEqual(world.command({ _tag: "Rollback" })?._tag, "Taken")
    world.settle()
    assert.deepStrictEqual([world.versions(), world.memory.durable.quarantine[0]?.version], [all("1.0"), "2.0"])
  })

  it("takes back an order that is still being staged: the DPU's own version is wanted again", () => {
    const world = new UpgradeWorld()
    world.offer("3.0")
    world.refusal = "no room"
    world.upgradeTo("2.0").pass(60)
    world.command(upgrade("3.0"))
    world.pass(60)
    world.command({ _tag: "Rollback" })
    assert.strictEqual(world.memory.durable.quarantine[0]?.version, "3.0")
    world.refusal = undefined
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("goes back to the set before the last, staged first, and stays there", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").settle()
    world.images.delete("docker-dash-ha:1.0")
    world.watch = (call) => {
      if (call._tag === "Stop") {
        assert.isTrue(world.images.has("docker-dash-ha:1.0"), "nothing stops before it is there")
      }
    }
    assert.strictEqual(world.command({ _tag: "Rollback" })?._tag, "Taken")
    world.settle().pass(600)
    assert.deepStrictEqual(world.versions(), all("1.0"))
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "rolledBack")
  })

  it("is declined where there is no set before", () => {
    assert.strictEqual(new UpgradeWorld().command({ _tag: "Rollback" })?._tag, "Declined")
  })

  it("is declined where the set before has no image of a service: it would leave a mixed set", () => {
    const world = new UpgradeWorld()
    world.lose("docker-sonic-gnmi:1.0")
    world.containers.delete(gnmi)
    world.upgradeTo("2.0").settle()
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
    const reply = world.command({ _tag: "Rollback" })
    assert.match(reply?._tag === "Declined" ? reply.reason : "", /^the earlier set has no image of gnmidpu2: /)
    assert.deepStrictEqual(world.settle().versions(), all("2.0"))
  })

  it("puts what it leaves into quarantine, not what is wanted meanwhile", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").settle()
    world.command({ _tag: "Pause", paused: true })
    world.upgradeTo("3.0").pass(10)
    world.command({ _tag: "Rollback" })
    assert.deepStrictEqual(world.memory.durable.quarantine.map(({ version }) => version), ["2.0"])
    assert.deepStrictEqual(world.settle().versions(), all("1.0"))
  })

  it("of an order staged over a set on probation leaves that its probation and its way back", () => {
    const world = onProbation()
    world.command(upgrade("3.0"))
    world.pass(60).command({ _tag: "Rollback" })
    world.watch = (call) => assert.notStrictEqual(call._tag, "Stop")
    world.settle()
    assert.deepStrictEqual([world.versions(), world.memory.durable.lastUpgrade?.outcome], [all("2.0"), "committed"])
    assert.strictEqual(world.memory.durable.previousSet?.[ha], "docker-dash-ha:1.0")
  })

  it("of the DPU's own version, staged over a set on probation, goes back to the last good one", () => {
    const world = onProbation().upgradeTo("3.0").pass(60)
    world.command({ _tag: "Rollback" })
    world.settle()
    assert.deepStrictEqual(world.versions(), all("1.0"))
    assert.deepStrictEqual(world.memory.durable.quarantine.map(({ version }) => version), ["3.0"])
  })
})

describe("release", () => {
  it.each(["2.0", "docker-dash-ha:2.0"])("lets %s be tried again", (subject) => {
    const world = new UpgradeWorld()
    world.behave("ha", "2.0", { crashes: 500 })
    world.upgradeTo("2.0").settle()
    assert.strictEqual(world.command(upgrade())?._tag, "Declined")
    assert.strictEqual(world.command({ _tag: "Release", subject: "9.9" })?._tag, "Declined")
    world.behave("ha", "2.0", {})
    assert.strictEqual(world.command({ _tag: "Release", subject })?._tag, "Taken")
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })
})

describe("pause", () => {
  it("holds automatic upgrades, across restarts, and not recovery; resume lets them go on", () => {
    const world = new UpgradeWorld()
    world.command({ _tag: "Pause", paused: true })
    world.upgradeTo("2.0").pass(60).kill()
    world.pass(60).crash(ha)
    world.pass(10)
    assert.deepStrictEqual(world.versions(), all("1.0"))
    world.command({ _tag: "Pause", paused: false })
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("does not hold what an operator orders", () => {
    const world = new UpgradeWorld()
    world.command({ _tag: "Pause", paused: true })
    world.upgradeTo("2.0").pass(5).command(upgrade())
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })
})
