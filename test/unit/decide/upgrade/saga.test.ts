import { assert, describe, it } from "@effect/vitest"

import { degradedText, explain } from "../../../../src/decide/upgrade/explain.ts"
import { defaults } from "../../../../src/policy/policy.ts"
import { database, dpu, gnmi, ha, specs } from "../bench.ts"
import { onProbation, UpgradeWorld } from "./world.ts"

const all = (version: string) => [version, version, version]

/** Of three services one runs another version than the others, and is to. */
const mixed = (container = ha, version = "1.5"): UpgradeWorld => {
  const world = new UpgradeWorld()
  const image = `${specs.find(({ name }) => name === container)!.repository}:${version}`
  world.offer(version)
  world.images.add(image)
  world.containers.set(container, { ...world.containers.get(container)!, id: "other", image })
  const { durable } = world.memory
  const record = { ...durable.containers[container]!, assigned: image, startedVersion: version, startedId: "other" }
  world.memory = {
    ...world.memory,
    durable: { ...durable, containers: { ...durable.containers, [container]: record } }
  }
  return world
}

/** A service of which there is neither record nor container, and that does not start at 2.0. */
const unknown = (service: "gnmi" | "ha"): UpgradeWorld => {
  const world = new UpgradeWorld()
  const { name } = specs.find((spec) => spec.service === service)!
  const { [name]: forgotten, ...containers } = world.memory.durable.containers
  assert.isDefined(forgotten)
  world.memory = { ...world.memory, durable: { ...world.memory.durable, containers } }
  world.containers.delete(name)
  world.behave(service, "2.0", { refusesToStart: true })
  return world
}

/** 3.0, which cannot be staged yet. */
const order = (world: UpgradeWorld): UpgradeWorld => {
  world.command({ _tag: "Upgrade", version: "3.0", stageOnly: false })
  return world.pass(3)
}

describe("an upgrade", () => {
  it("brings the set to the DPU's version in order, each through its gate, and commits after probation", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
    assert.deepStrictEqual(world.calls.slice(0, 3), [
      "Deploy docker-database:2.0",
      "Deploy docker-sonic-gnmi:2.0",
      "Deploy docker-dash-ha:2.0"
    ])
    assert.deepStrictEqual(
      world.calls.slice(3),
      [database, gnmi, ha].flatMap((name) => [`Stop ${name}`, `Remove ${name}`, `Start ${name} 2.0`])
    )
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
    assert.deepInclude(
      world.events.find(({ reason }) => reason === "UpgradeCommitted"),
      { operation: "upgrade-1", actor: "offloadd", outcome: "done" }
    )
    assert.deepStrictEqual(world.memory.durable.previousSet?.[ha], "docker-dash-ha:1.0")
  })

  it("goes on while the version cannot be told, and says so", () => {
    const world = new UpgradeWorld().upgradeTo("2.0")
    for (let second = 0; second < 60 && world.versions()[0] !== "2.0"; second += 1) world.pass(1)
    world.loseVersion()
    assert.include(
      world.events.at(-1)?.message,
      "no version file. upgrade-1 goes on; no other upgrade begins by itself"
    )
    assert.deepStrictEqual(world.settle().versions(), all("2.0"))
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
  })

  it("counts for a gate the time between two looks, not that until they are heard of", () => {
    const world = new UpgradeWorld().upgradeTo("2.0")
    const isPassed = () => world.memory.durable.upgrade?.members[0]?.passed
    for (let second = 0; second < 60 && world.versions()[0] !== "2.0"; second += 1) world.pass(1)
    world.pass(5)
    assert.isFalse(isPassed())
    world.look(9000)
    assert.isFalse(isPassed())
    world.pass(10)
    assert.isTrue(isPassed())
  })

  for (const [moment, seconds] of [["before", 0], ["after", 12]] as const) {
    it(`changes what is found only ${moment} the first stop, and commits no set in part`, () => {
      const world = unknown("gnmi")
      world.upgradeTo("2.0").pass(seconds)
      world.replace(gnmi, "docker-sonic-gnmi:1.0")
      world.behave("gnmi", "2.0", {})
      world.pass(2)
      const saga = world.memory.durable.upgrade
      assert.deepStrictEqual(saga?.members.map(({ container }) => container), [database, gnmi, ha])
      assert.deepStrictEqual(saga?.members[1]?.previous?.image, "docker-sonic-gnmi:1.0")
      world.settle()
      assert.deepStrictEqual(world.versions(), all("2.0"))
      assert.strictEqual(world.memory.durable.lastUpgrade?.id, saga?.id)
    })
  }

  it("goes back to the switch, and has a probation anew, for what is found only on probation", () => {
    const world = unknown("ha")
    world.upgradeTo("2.0").pass(300)
    assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
    world.replace(ha, "docker-dash-ha:1.0")
    world.behave("ha", "2.0", {})
    world.pass(60)
    const saga = world.memory.durable.upgrade
    assert.deepStrictEqual(saga?.members.map(({ container }) => container), [database, gnmi, ha])
    assert.deepStrictEqual([saga?.id, saga?.phase], ["upgrade-1", "probation"])
    assert.isBelow(saga?.probation ?? 0, 60_000)
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
    assert.strictEqual(world.memory.durable.lastUpgrade?.id, "upgrade-1")
  })

  it("stops nothing before old and new images are shown on the NPU", () => {
    const world = new UpgradeWorld()
    world.watch = (call) => {
      if (call._tag !== "Stop") return
      for (const image of ["docker-database", "docker-sonic-gnmi", "docker-dash-ha"]) {
        assert.isTrue(world.images.has(`${image}:1.0`) && world.images.has(`${image}:2.0`), image)
      }
    }
    world.images.delete("docker-dash-ha:1.0")
    world.upgradeTo("2.0").settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
    assert.include(world.calls, "Deploy docker-dash-ha:1.0", "the way back is pushed again where it vanished")
  })

  it("sends a way back again that vanished after the first stop, before its own service is stopped", () => {
    const world = new UpgradeWorld().guarded().upgradeTo("2.0").pass(5)
    assert.deepStrictEqual(world.versions(), ["2.0", "1.0", "1.0"])
    world.images.delete("docker-sonic-gnmi:1.0")
    world.images.delete("docker-dash-ha:1.0")
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("does the same where it vanished while no daemon ran, at whatever save that one died", () => {
    /** Yields in which phase that was. */
    const dieAt = (save: number): string | undefined => {
      const world = new UpgradeWorld().guarded()
      const before = world.saves
      let phase: string | undefined
      world.killer = (saves) => {
        if (saves !== before + save) return false
        phase = world.memory.durable.upgrade?.phase
        for (const { repository } of specs) world.images.delete(`${repository}:1.0`)
        return true
      }
      world.upgradeTo("2.0").pass(120)
      assert.strictEqual(world.kills, 1)
      assert.deepStrictEqual(world.versions(), all("2.0"), `killed at save ${save}`)
      return phase
    }
    let save = 1
    while (dieAt(save) !== "probation") save += 1
    assert.isAbove(save, 10)
  })

  it("does the same where the NPU went away at the stop and came back without it", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(5)
    world.watch = (call) => {
      if (call._tag === "ListImages") world.reachable = false
    }
    world.pass(30)
    assert.deepInclude(world.memory.durable.upgrade?.members[1], { container: gnmi, side: "new", passed: false })
    assert.deepStrictEqual(world.versions(), ["2.0", "1.0", "1.0"])
    world.images.delete("docker-sonic-gnmi:1.0")
    world.guarded().reachable = true
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("knows what runs by the id of its image where that has lost its name, forward and back", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(5)
    assert.deepStrictEqual(world.versions(), ["2.0", "1.0", "1.0"])
    // An instance of which a daemon that died never heard.
    world.replace(database, "docker-database:2.0")
    world.nameless.add(database)
    world.pass(60)
    assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
    world.command({ _tag: "Rollback" })
    world.nameless.clear()
    world.pass(5)
    assert.deepStrictEqual([world.memory.durable.upgrade?.phase, world.versions()], ["rollingBack", all("1.0")])
    world.replace(database, "docker-database:1.0")
    world.nameless.add(database)
    world.settle()
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "rolledBack")
    assert.deepStrictEqual(world.versions(), all("1.0"))
  })

  it("climbs the ladder against whoever puts another version into the place of what was switched", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(5)
    for (let second = 0; second < 120; second += 1) {
      if (world.versions()[0] === "2.0") world.replace(database, "docker-database:6.6")
      world.pass(1)
    }
    assert.isBelow(world.calls.filter((call) => call === `Stop ${database}`).length, 10)
    assert.strictEqual(world.memory.durable.upgrade?.members[0]?.restarts, 0, "which speaks against nobody's set")
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("holds it against no set where somebody else's container takes the name before its starts", () => {
    const world = new UpgradeWorld()
    let taken = 0
    world.watch = (call) => {
      if (call._tag !== "Start" || call.container !== database || taken === 5) return
      taken += 1
      world.replace(database, "docker-database:6.6")
    }
    world.upgradeTo("2.0").settle()
    assert.strictEqual(taken, 5)
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("does not send again what is there", () => {
    const world = new UpgradeWorld()
    for (const image of world.archives) world.images.add(image)
    world.upgradeTo("2.0").settle()
    assert.notInclude(world.calls.join(), "Deploy")
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("is refused before anything stops where there is no room, and goes on once there is", () => {
    const world = new UpgradeWorld()
    world.refusal = "the NPU has no room for Deploy (RESOURCE_EXHAUSTED: 300 MB are free)"
    world.upgradeTo("2.0").pass(300)
    assert.deepStrictEqual([world.versions(), world.calls.some((call) => call.startsWith("Stop"))], [all("1.0"), false])
    assert.strictEqual(world.reasons().filter((reason) => reason === "UpgradeRefused").length, 1)
    assert.include(world.events.find(({ reason }) => reason === "UpgradeRefused")?.message, "300 MB are free")
    world.refusal = undefined
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("says why it is refused once, whatever the link does, until there is another reason", () => {
    const world = new UpgradeWorld()
    const said = () => world.events.filter(({ reason }) => reason === "UpgradeRefused").map(({ message }) => message)
    const flap = () => {
      world.reachable = false
      world.pass(5)
      world.reachable = true
      world.pass(60)
    }
    world.refusal = "the NPU does not permit Deploy"
    world.upgradeTo("2.0").pass(60)
    flap()
    flap()
    assert.lengthOf(said(), 1, "of three images, each refused three times after each return")
    world.refusal = "the NPU has no room for Deploy (300 bytes are free)"
    world.room = { needed: 400, free: 300, holdings: [] }
    world.pass(200)
    assert.lengthOf(said(), 2, "another reason is said without a return of the NPU")
    world.refusal = "the NPU has no room for Deploy (200 bytes are free)"
    world.pass(200)
    flap()
    assert.lengthOf(said(), 2, "other figures are no other reason")
    world.kill()
    world.pass(60)
    assert.lengthOf(said(), 3, "what another daemon said is not known")
    world.upgradeTo("1.0").pass(10).upgradeTo("2.0").pass(60)
    assert.lengthOf(said(), 4, "the next upgrade is another")
  })

  it("keeps the archives of the way back before the first stop, also across the daemon's death", () => {
    const world = new UpgradeWorld()
    const images = (version: string) =>
      ["docker-database", "docker-sonic-gnmi", "docker-dash-ha"].map((name) => `${name}:${version}`).join(" ")
    world.copiesForEver = true
    world.upgradeTo("2.0").pass(60)
    assert.deepStrictEqual([world.versions(), world.keeps], [all("1.0"), []], "it waits for the copies")
    assert.deepInclude(explain(world.memory, world.mono), { reason: "Staging" })
    assert.include(explain(world.memory, world.mono).message, "copied into the state folder")
    world.kill()
    world.copiesForEver = false
    let listed = world.memory.images.listing
    world.watch = (call) => {
      if (call._tag === "KeepArchives") listed = false
      if (call._tag === "ListImages") listed = true
      if (call._tag === "Stop") {
        assert.isTrue(listed, "the first stop follows upon a list that is younger than the copies")
      }
    }
    world.settle()
    assert.deepStrictEqual([world.versions(), world.keeps], [all("2.0"), [images("1.0")]])
    const kept = world.events.find(({ reason }) => reason === "ArchivesKept")
    assert.deepInclude(kept, { partOf: "upgrade-1", outcome: "done" })
    world.offer("3.0")
    world.upgradeTo("3.0").settle()
    assert.strictEqual(world.keeps.at(-1), `${images("2.0")}, sparing ${images("1.0")}`)
  })

  it("says which archives could not be kept, and goes on", () => {
    const world = new UpgradeWorld()
    world.unkept = "there is no room"
    world.upgradeTo("2.0").settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
    const said = world.events.filter(({ reason }) => reason === "ArchiveNotKept")
    assert.deepStrictEqual(said.map(({ outcome }) => outcome), ["failed", undefined, undefined])
    assert.include(said[2]?.message, "docker-dash-ha:1.0: there is no room")
    assert.notInclude(world.reasons(), "ArchivesKept")
  })

  it("keeps them when images are staged ahead, while the DPU has them yet, and not again", () => {
    const world = new UpgradeWorld()
    world.command({ _tag: "Upgrade", version: "2.0", stageOnly: true })
    world.pass(30)
    assert.deepStrictEqual([world.versions(), world.keeps.length], [all("1.0"), 1])
    world.upgradeTo("2.0").settle()
    assert.deepStrictEqual([world.versions(), world.keeps.length], [all("2.0"), 1])
  })

  it("has each transfer and each change of a container found as its steps", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").settle()
    world.crash(gnmi)
    world.pass(30)
    const steps = world.events.filter(({ partOf }) => partOf === "upgrade-1")
    const begun = steps.flatMap(({ container, outcome, reason }) =>
      outcome === undefined ? [`${reason} ${container}`] : []
    )
    assert.includeMembers(begun, [
      "Transferring undefined",
      `Stopping ${database}`,
      `Removing ${gnmi}`,
      `Starting ${ha}`
    ])
    const ends = steps.filter(({ outcome }) => outcome === "done")
    assert.deepStrictEqual(
      [ends.length, new Set(ends.map(({ operation }) => operation)).size],
      [13, 13],
      "three images sent; archives kept; three containers stopped, removed and started; each an operation of its own"
    )
    const crash = world.events.findLast(({ reason }) => reason === "Starting")
    assert.deepStrictEqual([crash?.container, crash?.partOf], [gnmi, undefined], "what comes after it is no step of it")
  })

  it.each(
    [
      ["a service that crashes on start", "ha", { crashes: 500 }],
      ["a service that is never healthy", "gnmi", { neverHealthy: true }],
      ["a service that crashes in its probation", "database", { crashes: 60_000 }],
      ["a service that cannot be started", "ha", { refusesToStart: true }]
    ] as const
  )("goes back to the set as it was for %s, and stays there", (_, service, behaviour) => {
    const world = new UpgradeWorld()
    world.behave(service, "2.0", behaviour)
    world.upgradeTo("2.0").settle()
    assert.deepStrictEqual(world.versions(), all("1.0"))
    const { lastUpgrade, quarantine, upgrade } = world.memory.durable
    assert.deepStrictEqual([upgrade, lastUpgrade?.outcome, quarantine[0]?.version], [null, "rolledBack", "2.0"])
    const end = world.events.find(({ reason }) => reason === "RolledBack")
    assert.deepInclude(end, { operation: "upgrade-1", outcome: "failed" })
    assert.isTrue(quarantine[0]?.images.every((image) => image.digest !== null))
    const { length } = world.calls
    world.pass(3600)
    assert.strictEqual(world.calls.length, length, "it does not try again by itself")
    assert.isNull(world.memory.durable.degraded)
  })

  it("tries again once the target has changed and come back", () => {
    const world = new UpgradeWorld()
    world.behave("ha", "2.0", { crashes: 500 })
    world.upgradeTo("2.0").settle().upgradeTo("1.0").settle()
    world.behave("ha", "2.0", {})
    world.upgradeTo("2.0").settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("counts a crash in probation only as one of three", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(100)
    assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
    world.crash(ha)
    world.pass(30).crash(ha)
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
  })

  it("lets an outage stop the clocks and count for nothing", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(100)
    const { durable, upgrade } = world.memory
    const observed = durable.upgrade!.probation + upgrade.probation
    world.reachable = false
    world.pass(2000)
    assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
    world.reachable = true
    world.pass(10)
    const after = world.memory.durable.upgrade!.probation + world.memory.upgrade.probation
    assert.isAtMost(after - observed, 12_000)
    world.settle()
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
  })

  it("begins in this DPU's turn where the NPU has just restarted", () => {
    const staggerPerDpu = 5000
    const world = new UpgradeWorld("1.0", { ...defaults, outage: { staggerPerDpu } })
    world.command({ _tag: "Pause", paused: true })
    world.upgradeTo("2.0").pass(20)
    world.reachable = false
    world.containers.clear()
    world.pass(5)
    world.command({ _tag: "Pause", paused: false })
    world.reachable = true
    const back = world.mono
    const starts: Array<number> = []
    world.watch = (call) => {
      if (call._tag === "Start") starts.push(world.mono - back)
    }
    world.settle()
    assert.include(world.reasons(), "NpuRebooted")
    assert.deepStrictEqual(world.versions(), all("2.0"))
    assert.isAtLeast(starts[0]!, dpu * staggerPerDpu)
  })

  it("counts no probation while the server lists no containers, also where all of them are stopped", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(100)
    for (const { name } of specs) world.command({ _tag: "SetDesired", container: name, desired: "stopped" })
    world.pass(10)
    world.lists = false
    world.pass(2000)
    assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
    world.lists = true
    assert.strictEqual(world.settle().memory.durable.lastUpgrade?.outcome, "committed")
  })

  it("stages what an operator stopped and does not start it", () => {
    const world = new UpgradeWorld()
    world.command({ _tag: "SetDesired", container: ha, desired: "stopped" })
    world.pass(5).upgradeTo("2.0").settle()
    assert.deepStrictEqual(world.versions(), ["2.0", "2.0"])
    assert.isTrue(world.images.has("docker-dash-ha:2.0"))
    world.command({ _tag: "SetDesired", container: ha, desired: "running" })
    world.pass(10)
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("does not begin while memory cannot be saved", () => {
    const world = new UpgradeWorld()
    world.unsavable = "no space left on the device"
    world.upgradeTo("2.0").pass(60)
    assert.deepStrictEqual([world.calls, world.versions()], [[], all("1.0")])
    world.unsavable = undefined
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
  })

  it("leaves a first installation to the ladder", () => {
    const world = new UpgradeWorld()
    world.containers.clear()
    world.memory = { ...world.memory, durable: { ...world.memory.durable, containers: {} } }
    world.upgradeTo("2.0").pass(30)
    assert.deepStrictEqual(world.versions(), all("2.0"))
    assert.isNull(world.memory.durable.upgrade)
    assert.strictEqual(world.memory.durable.upgrades, 0)
  })
})

describe("another version in the midst of an upgrade", () => {
  it("drops what was only staged", () => {
    const world = new UpgradeWorld()
    world.archives.delete("docker-dash-ha:2.0")
    world.offer("3.0")
    world.upgradeTo("2.0").pass(30).upgradeTo("3.0").settle()
    assert.deepStrictEqual(world.versions(), all("3.0"))
    assert.isFalse(world.calls.some((call) => call.startsWith("Start") && call.endsWith("2.0")))
  })

  it("brings back what was switched before it goes on", () => {
    const world = new UpgradeWorld()
    world.offer("3.0")
    world.upgradeTo("2.0").pass(15)
    assert.strictEqual(world.memory.durable.upgrade?.phase, "switching")
    world.upgradeTo("3.0").settle()
    assert.deepStrictEqual(world.versions(), all("3.0"))
    assert.deepStrictEqual(world.memory.durable.quarantine, [])
    assert.include(world.reasons(), "UpgradeAbandoned")
    assert.isFalse(world.calls.includes(`Start ${ha} 2.0`), "the rest of the set never saw 2.0")
  })

  it("goes from a set on probation to the next, with the last good one as the way back", () => {
    const world = new UpgradeWorld()
    world.offer("3.0")
    world.behave("gnmi", "3.0", { neverHealthy: true })
    world.upgradeTo("2.0").pass(100)
    assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
    world.upgradeTo("3.0").settle()
    assert.deepStrictEqual(world.versions(), all("1.0"))
  })

  it("brings back what was on probation where it fails while the next is being staged, and puts it into quarantine", () => {
    const world = onProbation().upgradeTo("3.0").pass(60)
    assert.strictEqual(world.phase, "staging")
    world.behave("gnmi", "2.0", { crashes: 500 })
    world.crash(gnmi)
    world.pass(600)
    assert.deepStrictEqual(world.versions(), all("1.0"))
    assert.deepStrictEqual(world.memory.durable.quarantine.map(({ version }) => version), ["2.0"])
    world.offer("3.0")
    world.settle()
    assert.deepStrictEqual(world.versions(), all("3.0"))
  })

  it("carries an order out where the set on probation failed in its place", () => {
    const world = order(onProbation())
    for (let crash = 0; crash < 3; crash += 1) {
      world.crash(ha)
      world.pass(20)
    }
    assert.deepStrictEqual(world.memory.durable.quarantine.map(({ version }) => version), ["2.0"])
    world.offer("3.0")
    world.settle()
    assert.deepStrictEqual(world.versions(), all("3.0"))
  })

  for (
    const [how, lapse] of [
      ["an operator undid it, and the DPU's version cannot be told", (world: UpgradeWorld) => {
        order(world).loseVersion().command({ _tag: "Rollback" })
      }],
      ["an operator undid it while automatic upgrades are paused", (world: UpgradeWorld) => {
        world.command({ _tag: "Pause", paused: true })
        order(world).command({ _tag: "Rollback" })
      }],
      ["another version came while automatic upgrades are paused", (world: UpgradeWorld) => {
        world.command({ _tag: "Pause", paused: true })
        order(world).upgradeTo("4.0")
      }]
    ] as const
  ) {
    it(`carries out no order over a set on probation once ${how}`, () => {
      const world = onProbation()
      lapse(world)
      world.pass(30).offer("3.0")
      assert.deepStrictEqual(world.settle(3000).versions(), all("2.0"))
    })
  }

  it("stops nothing on probation for what is found while another version is wanted and upgrades are paused", () => {
    const world = unknown("ha").upgradeTo("2.0").pass(300)
    world.command({ _tag: "Pause", paused: true })
    world.upgradeTo("3.0").pass(5)
    world.watch = (call) => assert.notStrictEqual(call._tag, "Stop")
    world.replace(ha, "docker-dash-ha:1.0")
    world.pass(1200)
    assert.strictEqual(world.phase, "probation", "a set is never committed in part")
  })

  it("puts no version into quarantine that only a service found late runs", () => {
    const world = unknown("ha").upgradeTo("2.0").pass(300).upgradeTo("3.0").pass(5)
    world.replace(ha, "docker-dash-ha:1.0")
    world.pass(5)
    for (let crash = 0; crash < 3; crash += 1) {
      world.crash(database)
      world.pass(20)
    }
    assert.deepStrictEqual(world.memory.durable.quarantine.map(({ version }) => version), ["2.0"])
  })

  it("finishes a probation, and begins nothing, while automatic upgrades are paused", () => {
    const world = onProbation()
    world.offer("3.0")
    world.command({ _tag: "Pause", paused: true })
    world.upgradeTo("3.0").pass(1200)
    assert.strictEqual(world.reasons().filter((reason) => reason === "UpgradeBegun").length, 1)
    assert.include(world.reasons(), "UpgradeCommitted")
  })

  it("leaves alone what the catalogue no longer has", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").until(({ phase }) => phase === "switching")
    world.configure(specs.slice(0, 2))
    world.settle()
    assert.deepStrictEqual(world.versions(), ["2.0", "2.0", "1.0"])
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "committed")
  })

  it("leaves a crashing service its ladder where its way back is what it was just brought to", () => {
    const world = mixed().upgradeTo("2.0").pass(60)
    assert.strictEqual(world.memory.durable.upgrade?.phase, "probation")
    world.upgradeTo("1.0").pass(60)
    const [member] = world.memory.durable.upgrade?.members ?? []
    assert.deepStrictEqual([member?.target, member?.previous?.image], ["docker-database:1.0", "docker-database:1.0"])
    world.behave("database", "1.0", { crashes: 5000 })
    const starts: Array<number> = []
    world.watch = (call) => {
      if (call._tag === "Start" && call.container === database) starts.push(world.mono)
    }
    world.settle(120)
    assert.include(world.reasons(), "UpgradeFailed")
    const waits = starts.slice(1).map((at, index) => at - starts[index]! - 5000)
    waits.forEach((wait, level) =>
      assert.isAtLeast(wait, 800 * 2 ** level, `start ${level + 2} of ${waits.length + 1}`)
    )
    assert.isAbove(waits.length, 3)
  })

  it("takes a downgrade in probation for a rollback", () => {
    const world = new UpgradeWorld().upgradeTo("2.0").pass(100).upgradeTo("1.0").settle()
    assert.deepStrictEqual(world.versions(), all("1.0"))
    assert.deepStrictEqual(world.memory.durable.quarantine, [])
  })
})

describe("a set that cannot be mended", () => {
  it("is said to be on its way to an end while an upgrade goes on that is to end it", () => {
    const world = mixed().upgradeTo("2.0")
    const unsound = { ...world.memory, durable: { ...world.memory.durable, degraded: "it is mixed" } }
    assert.strictEqual(degradedText(unsound), "upgrade-1 to 2.0 is to end what was before it: it is mixed")
    const idle = { ...unsound, durable: { ...unsound.durable, upgrade: null } }
    assert.strictEqual(degradedText(idle), "it is mixed")
    assert.isNull(degradedText(world.memory))
  })

  it("is Degraded where the old set does not come up either, and is not switched again", () => {
    const world = new UpgradeWorld()
    world.behave("ha", "2.0", { crashes: 500 })
    world.upgradeTo("2.0").pass(15)
    world.behave("database", "1.0", { neverHealthy: true })
    world.settle()
    assert.strictEqual(world.memory.durable.lastUpgrade?.outcome, "degraded")
    assert.include(world.memory.durable.degraded, "offloadctl release 2.0")
    assert.strictEqual(world.reasons().filter((reason) => reason === "Degraded").length, 1)
    world.pass(600)
    assert.isFalse(world.calls.slice(-5).some((call) => call.endsWith(" 2.0")), "a rollback is never rolled back")
    world.behave("database", "1.0", {})
    world.settle().pass(200)
    assert.isNull(world.memory.durable.degraded)
    assert.deepStrictEqual(world.versions(), all("1.0"))
  })

  it("is Degraded where it was mixed before", () => {
    const world = mixed()
    world.behave("gnmi", "2.0", { neverHealthy: true })
    world.upgradeTo("2.0").settle()
    assert.deepStrictEqual(world.versions(), ["1.0", "1.0", "1.5"])
    assert.include(world.memory.durable.degraded, "dash-hadpu2 at 1.5")
  })

  for (const [how, behaviour] of [["crashes", { crashes: 500 }], ["never answers", { neverHealthy: true }]] as const) {
    it(`is Degraded where what the others come after is at the new version already and ${how}`, () => {
      const world = mixed(database, "2.0")
      world.behave("database", "2.0", behaviour)
      world.pass(2)
      world.upgradeTo("2.0").settle().pass(900)
      const { containers, degraded, lastUpgrade, quarantine } = world.memory.durable
      assert.strictEqual(lastUpgrade?.outcome, "rolledBack")
      assert.include(
        lastUpgrade?.reason ?? "",
        "databasedpu2, which it does not change and which others come after, failed 3 times"
      )
      assert.include(degraded, "databasedpu2 at 2.0")
      assert.isFalse(world.calls.some((call) => call === `Stop ${gnmi}`), "what waits is not stopped")
      assert.deepStrictEqual(quarantine.map(({ version }) => version), ["2.0"])
      assert.strictEqual(containers[gnmi]?.assigned, "docker-sonic-gnmi:1.0")
      world.behave("database", "2.0", {})
      world.settle().pass(300)
      assert.deepStrictEqual(world.versions(), ["2.0", "1.0", "1.0"])
      assert.isNotNull(world.memory.durable.degraded)
      world.command({ _tag: "Release", subject: "2.0" })
      world.settle()
      assert.deepStrictEqual(world.versions(), all("2.0"))
      assert.isNull(world.memory.durable.degraded)
    })
  }

  it("is Degraded where it was mixed, and an operator undid the upgrade before anything was stopped", () => {
    const world = mixed()
    world.refusal = "no room"
    world.upgradeTo("2.0").pass(60)
    world.command({ _tag: "Rollback" })
    world.pass(60)
    assert.deepStrictEqual(world.versions(), ["1.0", "1.0", "1.5"])
    assert.include(
      world.memory.durable.degraded,
      "version 2.0 is in quarantine, and the present one is mixed: databasedpu2 at 1.0, gnmidpu2 at 1.0, dash-hadpu2 at 1.5"
    )
    assert.include(world.memory.durable.degraded, "offloadctl release 2.0")
    assert.strictEqual(world.reasons().filter((reason) => reason === "Degraded").length, 1)
    world.refusal = undefined
    world.command({ _tag: "Release", subject: "2.0" })
    world.settle()
    assert.deepStrictEqual(world.versions(), all("2.0"))
    assert.isNull(world.memory.durable.degraded)
  })
})
