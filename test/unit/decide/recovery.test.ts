import { assert, describe, it } from "@effect/vitest"

import type { Sighting } from "../../../src/model/look.ts"
import { absent, Bench, database, deployed, dpu, gnmi, ha, restart, runs, settled, stopped, unclear } from "./bench.ts"

describe("evidence", () => {
  it("does nothing on a first day before the version is read", () => {
    const bench = new Bench().look({}, absent)
    assert.deepStrictEqual(bench.take(), [])
  })

  it("adopts what runs and restarts nothing for it", () => {
    const bench = new Bench().version("1.0").look({})
    assert.deepStrictEqual(bench.take(), [])
    assert.deepStrictEqual(bench.reasons().filter((reason) => reason === "Adopted").length, 3)
    assert.strictEqual(bench.record(database).startedId, `${database}-id-1`)
  })

  it("does nothing on Unknown, however long it lasts", () => {
    const bench = settled()
    for (let look = 0; look < 600; look += 1) bench.wait(1000).look({}, unclear)
    assert.deepStrictEqual(bench.take(), [])
  })

  it("does nothing while the list fails although the NPU answers", () => {
    const bench = settled()
    for (let look = 0; look < 10; look += 1) bench.wait(1000).lookFails(true, "INTERNAL")
    assert.deepStrictEqual(bench.take(), [])
    assert.deepStrictEqual(bench.reasons(), ["LookFailed"])
    assert.isTrue(bench.memory.npu.reachable)
  })

  it("ignores a look that was begun before our last action ended", () => {
    const bench = settled().look({ [ha]: stopped })
    bench.imagesHeld()
    const begun = bench.mono
    bench.end(ha)
    bench.take()
    bench.give({
      _tag: "Looked",
      look: {
        begun,
        ended: bench.mono,
        result: {
          _tag: "Seen",
          sightings: new Map([[ha, stopped(ha)], [gnmi, runs()(gnmi)], [database, runs()(database)]])
        }
      }
    })
    assert.deepStrictEqual(bench.take(), [])
    bench.look({ [ha]: absent })
    assert.deepStrictEqual(bench.take(), [`Start ${ha}`])
  })

  it("has at most one action under way on a container", () => {
    const bench = settled().look({ [ha]: stopped })
    bench.imagesHeld()
    bench.take()
    for (let look = 0; look < 5; look += 1) bench.wait(1000).look({ [ha]: stopped })
    assert.deepStrictEqual(bench.take(), [])
  })
})

describe("the restart ladder", () => {
  it("restarts at once the first time, then after 1 s doubling to 60 s, with 20 % of jitter", () => {
    const bench = settled()
    const waits: Array<number> = []
    for (let crash = 0; crash < 10; crash += 1) {
      bench.wait(11_000).look({ [ha]: stopped })
      const { due } = bench.record(ha)
      waits.push(due!.at - bench.mono)
      bench.wait(due!.at - bench.mono).give({ _tag: "Woke" })
      restart(bench, ha)
      bench.look({ [ha]: runs("1.0", `id-${crash + 2}`) })
    }
    const expected = [0, 1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000)
    waits.forEach((wait, index) => {
      assert.isAtLeast(wait, expected[index]! * 0.8)
      assert.isAtMost(wait, expected[index]! * 1.2)
    })
    assert.isTrue(waits.slice(1).some((wait, index) => wait !== expected[index + 1]), "there is jitter")
    assert.strictEqual(bench.record(ha).restarts, 10)
  })

  it("pays one level back for each 120 s of running, and a day pays all", () => {
    const bench = settled()
    const crash = (ranFor: number, id: string) => {
      bench.wait(ranFor).look({ [ha]: stopped })
      const level = bench.record(ha).level
      bench.wait(bench.record(ha).due!.at - bench.mono).give({ _tag: "Woke" })
      restart(bench, ha)
      bench.look({ [ha]: runs("1.0", id) })
      return level
    }
    assert.deepStrictEqual([crash(1000, "b"), crash(1000, "c"), crash(1000, "d")], [1, 2, 3])
    assert.strictEqual(crash(125_000, "e"), 3, "one level back, one charged")
    assert.strictEqual(crash(86_400_000, "f"), 1)
  })

  it("goes on for ever at the slowest pace", () => {
    const bench = settled()
    for (let crash = 0; crash < 50; crash += 1) {
      bench.wait(100).look({ [ha]: stopped })
      bench.wait(Math.max(0, bench.record(ha).due!.at - bench.mono)).give({ _tag: "Woke" })
      restart(bench, ha)
      bench.look({ [ha]: runs("1.0", `n${crash}`) })
    }
    assert.strictEqual(bench.record(ha).restarts, 50)
  })

  it("wakes when the wait ends", () => {
    const bench = settled().look({ [ha]: stopped })
    restart(bench, ha)
    bench.look({ [ha]: runs("1.0", "b") }).look({ [ha]: stopped })
    assert.strictEqual(bench.last?.wakeAt, bench.record(ha).due?.at)
  })
})

describe("outcomes", () => {
  it("tries a refused start again a level later, and says why", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    bench.take()
    bench.end(ha, { _tag: "Refused", kind: "Conflict", reason: "port used" })
    bench.look({ [ha]: absent })
    assert.deepStrictEqual(bench.take(), [])
    assert.strictEqual(bench.record(ha).lastReason, "port used")
    bench.wait(1300).look({ [ha]: absent })
    assert.deepStrictEqual(bench.take(), [`Start ${ha}`])
  })

  it("takes a start that timed out for done when the look shows it running", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    bench.end(ha, { _tag: "Ambiguous", reason: "timed out", unreachable: false })
    bench.look({ [ha]: runs("1.0", "b") })
    assert.deepStrictEqual([bench.record(ha).due, bench.record(ha).restarts], [null, 1])
    assert.include(bench.reasons(), "ReadBack")
  })

  it("charges a start that timed out once the look shows it did nothing", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    const before = bench.record(ha).level
    bench.end(ha, { _tag: "Ambiguous", reason: "timed out", unreachable: false })
    assert.strictEqual(bench.record(ha).level, before)
    bench.look({ [ha]: absent })
    assert.strictEqual(bench.record(ha).level, before + 1)
  })

  it("settles a start of unknown outcome by no look from before it ended", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    const begun = bench.mono
    bench.end(ha, { _tag: "Ambiguous", reason: "timed out", unreachable: false })
    const { level } = bench.record(ha)
    bench.give({
      _tag: "Looked",
      look: {
        begun,
        ended: bench.mono,
        result: { _tag: "Seen", sightings: new Map([database, gnmi, ha].map((name) => [name, absent()])) }
      }
    })
    assert.strictEqual(bench.record(ha).level, level)
    bench.look({})
    assert.include(bench.reasons(), "ReadBack")
  })

  it("charges nothing for a start that broke off with the connection", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    const before = bench.record(ha).level
    bench.end(ha, { _tag: "Ambiguous", reason: "connection lost", unreachable: true })
    bench.lookFails(false).wait(60_000).lookFails(false)
    bench.take()
    bench.look({ [ha]: absent })
    assert.strictEqual(bench.record(ha).level, before)
    assert.deepStrictEqual(bench.take(), [`Start ${ha}`])
  })

  it("looks again on ALREADY_EXISTS", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    const output = bench.end(ha, { _tag: "Ambiguous", reason: "ALREADY_EXISTS", unreachable: false }).last
    assert.isTrue(output?.look)
    bench.take()
    bench.look({ [ha]: runs("1.0", "c") })
    assert.deepStrictEqual(bench.take(), [])
    assert.isNull(bench.record(ha).due)
  })

  it("asks which images there are after a start that found none, and sends what is missing", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    bench.end(ha, { _tag: "Refused", kind: "NotFound", reason: "no such image" })
    bench.take()
    bench.wait(1300).look({ [ha]: absent })
    assert.deepStrictEqual(bench.take(), ["ListImages"])
    bench.give({ _tag: "ImagesListed", asked: ["docker-dash-ha:1.0"], held: [] })
    assert.deepStrictEqual(bench.take(), ["Deploy docker-dash-ha:1.0"])
    bench.endTransfer(deployed("docker-dash-ha:1.0"))
    assert.deepStrictEqual(bench.take(), [`Start ${ha}`])
  })

  it("repeats a failed transfer at its own pace", () => {
    const bench = new Bench().version("1.0").look({ [database]: absent })
    bench.give({ _tag: "ImagesListed", asked: ["docker-database:1.0"], held: [] })
    bench.take()
    const waits: Array<number> = []
    for (let failure = 0; failure < 8; failure += 1) {
      bench.endTransfer({ _tag: "Failed", reason: "no room", unreachable: false })
      bench.look({ [database]: absent })
      bench.give({ _tag: "ImagesListed", asked: ["docker-database:1.0"], held: [] })
      const { at } = bench.memory.images.pace["docker-database:1.0"]!
      waits.push(at - bench.mono)
      bench.take()
      bench.wait(at - bench.mono).give({ _tag: "Woke" })
      assert.deepStrictEqual(bench.take(), ["Deploy docker-database:1.0"])
    }
    assert.isAbove(waits[1]!, waits[0]!)
    assert.isAtMost(waits.at(-1)!, 72_000)
  })

  it("forces a stop that did not take, and paces the next", () => {
    const bench = settled()
    bench.command({ _tag: "SetDesired", container: ha, desired: "stopped" })
    assert.deepStrictEqual(bench.take(), [`Stop ${ha}`])
    bench.end(ha, { _tag: "Ambiguous", reason: "timed out", unreachable: false })
    bench.look({})
    const action = bench.actions[0]
    assert.isTrue(action?._tag === "Stop" && action.force)
    bench.take()
    bench.end(ha, { _tag: "Refused", kind: "Other", reason: "no" })
    bench.look({})
    assert.deepStrictEqual(bench.take(), [])
    bench.wait(2500).look({})
    assert.deepStrictEqual(bench.take(), [`Stop ${ha}`])
  })
})

describe("an outage of the NPU", () => {
  it("uses up no attempt, ends every wait, and acts on the first look after it", () => {
    const bench = settled()
    for (let crash = 0; crash < 5; crash += 1) {
      bench.wait(100).look({ [ha]: stopped })
      bench.wait(Math.max(0, bench.record(ha).due!.at - bench.mono)).give({ _tag: "Woke" })
      restart(bench, ha)
      bench.look({ [ha]: runs("1.0", `n${crash}`) })
    }
    bench.look({ [ha]: stopped })
    const { level, restarts } = bench.record(ha)
    bench.take()
    bench.lookFails(false)
    for (let look = 0; look < 30; look += 1) bench.wait(100).lookFails(false)
    assert.deepStrictEqual(bench.take(), [])
    bench.look({ [ha]: stopped })
    assert.deepStrictEqual(bench.take(), [`Remove ${ha}`])
    assert.deepStrictEqual([bench.record(ha).level, bench.record(ha).restarts], [level, restarts])
  })

  it("is said once when it begins and once when it ends", () => {
    const bench = settled()
    for (let look = 0; look < 5; look += 1) bench.lookFails(false)
    bench.look({})
    assert.deepStrictEqual(bench.reasons().filter((reason) => reason.startsWith("Npu")), [
      "NpuUnreachable",
      "NpuReachable"
    ])
  })

  it("takes several that stopped with it for a reboot: one event, no charge, spread by DPU", () => {
    const bench = settled().lookFails(false)
    bench.reasons()
    bench.look({}, absent)
    assert.deepStrictEqual(bench.reasons().filter((reason) => reason === "NpuRebooted").length, 1)
    for (const name of [database, gnmi, ha]) {
      assert.deepStrictEqual([bench.record(name).level, bench.record(name).due?.cause], [0, "NpuReboot"])
      assert.strictEqual(bench.record(name).lastReason, "the NPU seems to have restarted")
      assert.strictEqual(bench.record(name).due!.at - bench.mono, dpu * 500)
    }
  })

  it("takes two crashes in one look for two crashes while the connection held", () => {
    const bench = settled().look({ [ha]: stopped, [gnmi]: stopped })
    assert.deepStrictEqual([bench.record(ha).due?.cause, bench.record(gnmi).due?.cause], ["Crash", "Crash"])
  })
})

describe("order", () => {
  it("holds a start back while the service before it does not answer", () => {
    const bench = new Bench().version("1.0").look({ [gnmi]: absent })
    bench.imagesHeld()
    assert.deepStrictEqual(bench.take(), ["ListImages"])
    bench.probe(database, "Unhealthy").look({ [gnmi]: absent })
    assert.deepStrictEqual(bench.take(), [])
    bench.probe(database, "Healthy")
    assert.deepStrictEqual(bench.take(), [`Start ${gnmi}`])
  })

  it("restarts nobody else with the database", () => {
    const bench = settled().look({ [database]: stopped })
    bench.imagesHeld()
    bench.end(database)
    for (let look = 0; look < 5; look += 1) bench.wait(1000).look({ [database]: absent })
    assert.deepStrictEqual(bench.take(), ["ListImages", `Remove ${database}`, `Start ${database}`])
  })
})

describe("the version", () => {
  it("changes nothing while the version cannot be told, and keeps the last one running", () => {
    const bench = settled()
    bench.give({ _tag: "VersionUnreadable", reason: "no such file" })
    bench.look({ [ha]: absent })
    bench.imagesHeld()
    assert.deepStrictEqual(bench.take(), ["ListImages", `Start ${ha}`])
  })

  it("knows the version of what it started when the image has lost its name, and leaves it alone", () => {
    const bench = settled()
    const nameless = (name: string): Sighting => ({
      _tag: "Running",
      id: `${name}-id-1`,
      image: { repository: "sha256", tag: "ab".repeat(32) },
      version: undefined
    })
    bench.look({}, nameless).look({}, nameless)
    assert.deepStrictEqual(bench.take(), [])
    assert.strictEqual(bench.record(ha).startedVersion, "1.0")
    bench.version("2.0").look({}, nameless)
    assert.deepStrictEqual(bench.take(), ["ListImages"], "and still follows the DPU")
  })

  it("does not contest a version that it cannot tell", () => {
    const bench = settled().version("2.0")
    const unknown = (
      name: string
    ) => ({ ...runs("latest")(name), version: undefined } as ReturnType<ReturnType<typeof runs>>)
    const other = new Bench().version("2.0").look({}, unknown)
    assert.deepStrictEqual(other.take(), [])
    assert.notDeepEqual(bench.take(), [])
  })
})

describe("ill health", () => {
  const ill = (bench: Bench, name: string, millis: number, result: "Unhealthy" | "Unknown" = "Unhealthy"): void => {
    for (let passed = 0; passed < millis; passed += 1000) bench.wait(998).probe(name, result).look({})
  }

  it("restarts a service that no longer answers, beyond its threshold and not before", () => {
    const bench = settled()
    ill(bench, gnmi, 29_000)
    assert.deepStrictEqual(bench.take(), [])
    ill(bench, gnmi, 3000)
    bench.imagesHeld()
    assert.deepStrictEqual(bench.take(), ["ListImages", `Stop ${gnmi}`])
    assert.strictEqual(bench.record(gnmi).due?.cause, "Unhealthy")
  })

  it("waits longer with the database", () => {
    const bench = settled()
    ill(bench, database, 58_000)
    assert.deepStrictEqual(bench.take(), [])
    ill(bench, database, 4000)
    assert.deepStrictEqual(bench.take(), ["ListImages"])
  })

  it("counts a probe without answer only once a later look succeeds", () => {
    const bench = settled()
    for (let probe = 0; probe < 60; probe += 1) bench.wait(1000).probe(gnmi, "Unknown")
    assert.strictEqual(bench.watched(gnmi).probe.failures, 0)
    bench.look({})
    assert.strictEqual(bench.watched(gnmi).probe.failures, 1)
  })

  it("gives a service that never answered its grace", () => {
    const bench = new Bench().version("1.0").look({})
    ill(bench, gnmi, 50_000)
    assert.deepStrictEqual(bench.take(), [])
    ill(bench, gnmi, 12_000)
    assert.deepStrictEqual(bench.take(), ["ListImages"])
  })

  it("holds nothing against a service that went unanswered while the NPU was away", () => {
    const bench = settled()
    ill(bench, gnmi, 2000)
    bench.lookFails(false)
    for (let look = 0; look < 120; look += 1) bench.wait(1000).lookFails(false)
    bench.look({})
    ill(bench, gnmi, 5000)
    assert.deepStrictEqual(bench.take(), [])
  })

  it("forgives when it answers again", () => {
    const bench = settled()
    ill(bench, gnmi, 20_000)
    bench.probe(gnmi, "Healthy")
    ill(bench, gnmi, 20_000)
    assert.deepStrictEqual(bench.take(), [])
  })
})

describe("a stop that ended unclearly and took effect", () => {
  it("has the next instance asked to stop, not forced to", () => {
    const bench = settled()
    bench.command({ _tag: "SetDesired", container: gnmi, desired: "stopped" })
    bench.end(gnmi, { _tag: "Ambiguous", reason: "no answer", unreachable: false }).look({ [gnmi]: stopped }).take()
    bench.wait(3_600_000).look({ [gnmi]: runs("1.0", "later") })
    const stops = bench.actions.filter((action) => action._tag === "Stop")
    assert.deepStrictEqual(stops.map(({ force }) => force), [false])
  })
})

describe("a start that broke off with the connection", () => {
  it("is charged to nobody where the NPU was known to be away by then", () => {
    const bench = settled().look({ [ha]: absent }).imagesHeld()
    const { level } = bench.record(ha)
    bench.lookFails(false).lookFails(false)
    bench.end(ha, { _tag: "Ambiguous", reason: "connection lost", unreachable: true }).look({ [ha]: absent })
    assert.strictEqual(bench.record(ha).level, level)
  })
})
