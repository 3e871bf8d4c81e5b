import { assert, describe, it } from "@effect/vitest"

import { containerConditions, daemonConditions } from "../../../src/decide/conditions.ts"
import { verdict } from "../../../src/decide/verdict.ts"
import type { Capability, Speech } from "../../../src/model/speech.ts"
import { Bench, gnmi, ha, settled, specs, stopped } from "./bench.ts"

const sonic: Speech = {
  dialect: "sonic",
  by: "answers",
  missing: ["list", "start", "stop", "remove", "images", "deploy", "logs"]
}
const modern: Speech = { dialect: "modern", by: "reflection", missing: [] }

const unlisted = (bench: Bench): Bench => {
  bench.wait(1)
  bench.give({
    _tag: "Looked",
    look: { begun: bench.mono, ended: bench.mono, result: { _tag: "Unlisted", reason: "it lists no containers" } }
  })
  return bench
}

const onSonic = (): Bench => {
  const bench = new Bench().version("1.0")
  bench.give({ _tag: "Spoken", speech: sonic })
  return unlisted(bench)
}

const verdictOn = (bench: Bench, name: string) =>
  verdict(bench.memory, specs.find((spec) => spec.name === name)!, bench.mono)

const conditionOf = (bench: Bench, type: string, name?: string) => {
  const conditions = name === undefined
    ? daemonConditions(bench.memory, bench)
    : containerConditions(bench.memory, specs.find((spec) => spec.name === name)!, bench)
  const found = conditions.find((condition) => condition.type === type)
  return [found?.status, found?.reason]
}

describe("an NPU that can do next to nothing", () => {
  it("is said to be so, once, and left alone for ever", () => {
    const bench = onSonic()
    bench.give({ _tag: "Spoken", speech: sonic })
    for (let look = 0; look < 100; look += 1) unlisted(bench.wait(60_000)).give({ _tag: "Woke" })
    assert.deepStrictEqual(bench.take(), [])
    assert.deepStrictEqual(bench.reasons().filter((reason) => reason === "MissingCapabilities").length, 1)
    const what = verdictOn(bench, gnmi)
    assert.deepStrictEqual([what._tag, what._tag === "Wait" && what.reason], ["Wait", "NotCapable"])
    assert.deepStrictEqual(conditionOf(bench, "Capable"), ["False", "MissingCapability"])
    assert.deepStrictEqual(conditionOf(bench, "Capable", gnmi), ["False", "MissingCapability"])
    assert.deepStrictEqual(conditionOf(bench, "Reachable"), ["True", "Answers"])
    assert.deepStrictEqual(conditionOf(bench, "Running", gnmi), ["Unknown", "Unknown"])
  })

  it("has its services known by their probes alone, and restarts none", () => {
    const bench = onSonic()
    assert.deepStrictEqual(conditionOf(bench, "Healthy", gnmi)[0], "Unknown")
    bench.probe(gnmi, "Healthy")
    assert.deepStrictEqual(conditionOf(bench, "Healthy", gnmi)[0], "True")
    for (let probe = 0; probe < 200; probe += 1) unlisted(bench.wait(1000).probe(gnmi, "Unhealthy"))
    assert.deepStrictEqual(conditionOf(bench, "Healthy", gnmi)[0], "False")
    assert.deepStrictEqual(conditionOf(bench, "Running", gnmi)[0], "Unknown")
    assert.deepStrictEqual(bench.take(), [])
  })

  it("is not asked to stop what an operator wants stopped", () => {
    const bench = onSonic()
    assert.strictEqual(bench.command({ _tag: "SetDesired", container: gnmi, desired: "stopped" })._tag, "Recorded")
    unlisted(bench)
    assert.deepStrictEqual(bench.take(), [])
    const what = verdictOn(bench, gnmi)
    assert.isTrue(what._tag === "Wait" && what.reason === "NotCapable")
  })

  it("does as ever once a newer server stands in its place", () => {
    const bench = onSonic()
    bench.give({ _tag: "Spoken", speech: modern })
    assert.deepStrictEqual(conditionOf(bench, "Capable"), ["True", "AllOffered"])
    bench.look({ [ha]: stopped })
    assert.deepStrictEqual(bench.take(), ["ListImages"])
  })
})

describe("an NPU that lacks one call", () => {
  const lacks = (capability: Capability): Bench => {
    const bench = settled()
    bench.give({ _tag: "Spoken", speech: { ...modern, missing: [capability] } })
    bench.reasons()
    return bench
  }

  it("is not asked for it, and for the rest as ever", () => {
    const bench = lacks("start")
    bench.look({ [ha]: stopped })
    bench.imagesHeld()
    assert.deepStrictEqual(bench.take(), ["ListImages", `Remove ${ha}`])
    bench.end(ha).look({ [ha]: () => ({ _tag: "Absent" }) })
    assert.deepStrictEqual(bench.take(), [])
    assert.strictEqual(bench.record(ha).due?.cause, "Crash", "what is owed stays owed")
    bench.give({ _tag: "Spoken", speech: modern })
    assert.deepStrictEqual(bench.take(), [`Start ${ha}`])
  })

  it("is troubled by nothing where only logs are missing", () => {
    assert.deepStrictEqual(conditionOf(lacks("logs"), "Capable"), ["True", "AllOffered"])
  })
})

describe("a deploy that nothing proves", () => {
  it("is told as that, and believed no further", () => {
    const bench = onSonic()
    bench.command({ _tag: "Deploy", subject: { _tag: "Path", path: "/images/ha.tar" } })
    bench.reasons()
    bench.endTransfer({ _tag: "Unproven", image: "docker-dash-ha:1.0", reason: "it lists no images" })
    assert.deepStrictEqual(bench.reasons(), ["DeployUnproven"])
    assert.deepStrictEqual(bench.memory.images.held, {})
    assert.isUndefined(bench.memory.images.transfer)
  })
})
