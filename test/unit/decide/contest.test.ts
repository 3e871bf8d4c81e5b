import { assert, describe, it } from "@effect/vitest"

import { decode, encode } from "../../../src/decide/durable.ts"
import { initialMemory } from "../../../src/decide/memory.ts"
import { absent, Bench, database, gnmi, ha, restart, runs, settled, stopped, unclear } from "./bench.ts"
import { condition } from "./said.ts"

/** A foreign hand stops it soon after each of our starts, for which it waits as the ladder has it. */
const stopAgainAndAgain = (bench: Bench, times: number, ranFor: number, answers: boolean): void => {
  for (let stop = 0; stop < times; stop += 1) {
    bench.look({ [ha]: runs("1.0", `n${stop}`) })
    if (answers) bench.probe(ha, "Healthy")
    bench.wait(ranFor).look({ [ha]: stopped })
    bench.wait(bench.record(ha).due!.at - bench.mono).give({ _tag: "Woke" })
    restart(bench, ha)
  }
}

describe("contention", () => {
  it("is another instance in the place of ours: said, taken over, over after a quiet while", () => {
    const bench = settled()
    assert.strictEqual(condition(bench, ha, "Contested").status, "False")
    bench.look({ [ha]: runs("1.0", "foreign") })
    assert.deepStrictEqual(bench.reasons(), ["Contested"])
    assert.deepStrictEqual(bench.take(), [])
    const { reason, status } = condition(bench, ha, "Contested")
    assert.deepStrictEqual([status, reason], ["True", "Replaced"])
    assert.strictEqual(condition(bench, gnmi, "Contested").status, "False")
    bench.wait(599_000).look({ [ha]: runs("1.0", "foreign") })
    assert.strictEqual(condition(bench, ha, "Contested").status, "True")
    bench.wait(2000).look({ [ha]: runs("1.0", "foreign") })
    assert.strictEqual(condition(bench, ha, "Contested").status, "False")
    assert.deepStrictEqual(bench.reasons(), ["ContestOver"])
  })

  it("is seen against what the daemon before this one remembered", () => {
    const before = settled()
    const bench = new Bench()
    const read = decode(encode(before.memory.durable, before.mono), bench.mono)
    assert.isTrue(read._tag === "Right")
    if (read._tag === "Right") bench.memory = { ...bench.memory, durable: read.right }
    bench.version("1.0").look({ [ha]: runs("1.0", "foreign") })
    assert.strictEqual(condition(bench, ha, "Contested").status, "True")
  })

  it("is not what runs after a loss of memory: that is adopted", () => {
    const bench = settled()
    bench.memory = { ...initialMemory(new Bench().memory.durable), specs: bench.memory.specs }
    bench.version("1.0").look({}, runs("0.9", "other"))
    assert.notInclude(bench.reasons(), "Contested")
    assert.strictEqual(condition(bench, ha, "Contested").status, "False")
  })

  it("is a service that answers and is stopped soon after each start", () => {
    const bench = settled().wait(3_600_000)
    bench.look({ [ha]: stopped })
    restart(bench, ha)
    stopAgainAndAgain(bench, 2, 5000, true)
    assert.strictEqual(condition(bench, ha, "Contested").status, "False")
    stopAgainAndAgain(bench, 1, 5000, true)
    assert.strictEqual(condition(bench, ha, "Contested").reason, "StoppedAgain")
  })

  it("is not a crash loop, neither of one that never answers nor of one that runs for 11 s", () => {
    for (const [ranFor, answers] of [[5000, false], [11_000, true]] as const) {
      const bench = settled().wait(3_600_000).look({ [ha]: stopped })
      restart(bench, ha)
      stopAgainAndAgain(bench, 10, ranFor, answers)
      assert.strictEqual(condition(bench, ha, "Contested").status, "False")
    }
  })

  it("is a foreign version that comes back: each time it is switched later", () => {
    const bench = settled()
    const waits: Array<number> = []
    bench.wait(3_600_000)
    for (let round = 0; round < 9; round += 1) {
      bench.look({ [ha]: runs("6.6", `foreign-${round}`) })
      const due = bench.record(ha).due!
      assert.strictEqual(due.cause, "WrongVersion")
      waits.push(due.at - bench.mono)
      bench.wait(Math.max(0, due.at - bench.mono)).give({ _tag: "Woke" })
      bench.imagesHeld()
      bench.end(ha).look({ [ha]: stopped })
      bench.end(ha).look({ [ha]: absent })
      bench.end(ha).look({ [ha]: runs("1.0", `ours-${round}`) })
      bench.probe(ha, "Healthy")
    }
    const expected = [0, 1, 2, 4, 8, 16, 32, 60, 60]
    waits.forEach((wait, index) => assert.closeTo(wait / 1000, expected[index]!, expected[index]! * 0.2))
    assert.strictEqual(condition(bench, ha, "Contested").reason, "ForeignVersion")
    assert.strictEqual(bench.record(ha).restarts, 0)
  })

  it("stops no foreign version before a list asked for then has shown ours to be there, or it was sent", () => {
    const bench = settled().wait(3_600_000)
    const image = "docker-dash-ha:1.0"
    bench.look({ [ha]: absent })
    bench.imagesHeld().end(ha).look({ [ha]: runs("6.6", "foreign") })
    bench.take()
    bench.wait(bench.record(ha).due!.at - bench.mono).give({ _tag: "Woke" })
    assert.deepStrictEqual(bench.take().map((action) => action.split(" ")[0]), ["ListImages"])
    bench.give({ _tag: "ImagesListed", asked: [image], held: [] })
    assert.deepStrictEqual(bench.take().map((action) => action.split(" ")[0]), ["Deploy"])
    bench.endTransfer({ _tag: "Deployed", image, configDigest: "sha256:a" })
    assert.deepStrictEqual(bench.take(), [`Stop ${ha}`])
  })

  it("is a foreign version that takes the name before each of our starts: that one has failed, and the next comes later", () => {
    const bench = settled().wait(3_600_000)
    bench.look({ [ha]: absent })
    bench.imagesHeld()
    const waits: Array<number> = []
    for (let round = 0; round < 6; round += 1) {
      assert.deepStrictEqual(bench.take().slice(-1), [`Start ${ha}`])
      bench.end(ha, { _tag: "Ambiguous", reason: "the name is taken", unreachable: false })
      bench.look({ [ha]: runs("6.6", `foreign-${round}`) })
      const { at, cause } = bench.record(ha).due!
      assert.strictEqual(cause, "WrongVersion")
      waits.push(at - bench.mono)
      bench.wait(at - bench.mono).give({ _tag: "Woke" })
      bench.imagesHeld()
      bench.end(ha).look({ [ha]: stopped })
      bench.end(ha).look({ [ha]: absent })
    }
    const expected = [1, 2, 4, 8, 16, 32]
    waits.forEach((wait, index) => assert.closeTo(wait / 1000, expected[index]!, expected[index]! * 0.2))
    assert.notInclude(bench.reasons(), "ReadBack")
  })

  it("is a container started again and again although it shall be stopped: stopped ever later", () => {
    const bench = settled()
    bench.command({ _tag: "SetDesired", container: ha, desired: "stopped" })
    bench.end(ha).look({ [ha]: stopped })
    bench.take()
    const waits: Array<number> = []
    for (let round = 0; round < 8; round += 1) {
      bench.look({ [ha]: runs("1.0", `foreign-${round}`) })
      const begun = bench.mono
      if (bench.actions.length === 0) {
        assert.strictEqual(bench.last?.wakeAt, bench.watched(ha).nextStop)
        bench.wait(bench.watched(ha).nextStop - bench.mono).give({ _tag: "Woke" })
      }
      waits.push(bench.mono - begun)
      assert.deepStrictEqual(bench.take(), [`Stop ${ha}`])
      assert.strictEqual(condition(bench, ha, "Contested").status, round === 0 ? "False" : "True")
      bench.end(ha).look({ [ha]: stopped })
    }
    assert.deepStrictEqual(waits, [0, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000))
  })
})

describe("somebody else's version", () => {
  it("is not stopped for ours before the list of images, asked for then, is answered", () => {
    const bench = settled().look({ [ha]: stopped }).imagesHeld()
    restart(bench, ha)
    bench.look({ [ha]: runs("1.0", "id-2") })
    for (const name of [database, gnmi, ha]) bench.probe(name, "Healthy")
    bench.take()
    bench.look({ [gnmi]: runs("0.9", "foreign"), [ha]: runs("1.0", "id-2") })
    assert.deepStrictEqual(bench.take(), ["ListImages"])
    bench.give({ _tag: "Woke" })
    assert.notInclude(bench.take(), `Stop ${gnmi}`)
  })
})

describe("a reboot of the NPU whose own units make the containers anew", () => {
  const anew = { [database]: runs("1.0", "b"), [gnmi]: runs("1.0", "b"), [ha]: runs("1.0", "b") }

  it("is one event and nobody's contest", () => {
    const bench = settled().lookFails(false)
    bench.reasons()
    bench.look(anew)
    assert.deepStrictEqual(bench.reasons().filter((reason) => reason !== "NpuReachable" && reason !== "Running"), [
      "NpuRebooted"
    ])
    assert.deepStrictEqual(bench.take(), [])
    for (const name of [database, gnmi, ha]) {
      assert.strictEqual(condition(bench, name, "Contested").status, "False")
      assert.deepStrictEqual([bench.record(name).startedId, bench.record(name).level], [`${name}-b`, 0])
    }
  })

  it("is one event with those that are not there yet", () => {
    const bench = settled().lookFails(false)
    bench.reasons()
    bench.look({ [gnmi]: runs("1.0", "b"), [ha]: absent })
    assert.strictEqual(bench.reasons().filter((reason) => reason === "NpuRebooted").length, 1)
    assert.strictEqual(bench.record(ha).due?.cause, "NpuReboot")
    assert.isNull(bench.record(gnmi).due)
    assert.strictEqual(condition(bench, gnmi, "Contested").status, "False")
  })

  it("excuses nothing that somebody else has put there before our start: it is charged once, found by it or not", () => {
    const found = settled().lookFails(false)
    found.look({ ...anew, [ha]: absent })
    for (const name of [database, gnmi]) found.probe(name, "Healthy")
    found.wait(Math.max(0, found.record(ha).due!.at - found.mono)).give({ _tag: "Woke" })
    found.imagesHeld().end(ha, { _tag: "Ambiguous", reason: "ALREADY_EXISTS", unreachable: false })
    found.take()
    found.look({ ...anew, [ha]: runs("0.9", "other") })
    assert.deepStrictEqual(found.take(), [])
    assert.deepStrictEqual([found.record(ha).level, found.record(ha).due?.cause], [2, "WrongVersion"])
    assert.isAtLeast(found.record(ha).due!.at - found.mono, 800)
    const unfound = settled().lookFails(false).look({ ...anew, [ha]: absent }).look({
      ...anew,
      [ha]: runs("0.9", "other")
    })
    assert.deepStrictEqual([unfound.record(ha).level, unfound.record(ha).due?.cause], [1, "WrongVersion"])
  })

  it("leaves what it owes to the DPU's turn", () => {
    const bench = settled().lookFails(false)
    bench.look({ ...anew, [ha]: absent })
    const { at } = bench.record(ha).due!
    bench.look({ ...anew, [ha]: runs("0.9", "other") })
    assert.deepStrictEqual(bench.record(ha).due, { at, cause: "WrongVersion" })
  })

  it("is recognised by a daemon that restarted with it", () => {
    const bench = settled()
    bench.memory = { ...initialMemory(bench.memory.durable), specs: bench.memory.specs }
    bench.version("1.0").look(anew)
    assert.include(bench.reasons(), "NpuRebooted")
    assert.strictEqual(condition(bench, ha, "Contested").status, "False")
  })

  it("is not where that has looked before, and could not tell what runs", () => {
    const bench = settled()
    bench.memory = { ...initialMemory(bench.memory.durable), specs: bench.memory.specs }
    bench.version("1.0").look({ [database]: unclear, [gnmi]: unclear, [ha]: unclear }).look(anew)
    assert.notInclude(bench.reasons(), "NpuRebooted")
  })

  it("is a contest where the connection held", () => {
    const bench = settled().look(anew)
    assert.notInclude(bench.reasons(), "NpuRebooted")
    assert.strictEqual(condition(bench, ha, "Contested").status, "True")
  })
})
