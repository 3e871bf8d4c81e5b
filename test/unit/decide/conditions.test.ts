import { assert, describe, it } from "@effect/vitest"

import { containerConditions, daemonConditions } from "../../../src/decide/conditions.ts"
import type { ConditionType } from "../../../src/model/condition.ts"
import { absent, Bench, gnmi, ha, restart, runs, settled, specs, stopped, unclear } from "./bench.ts"
import { condition } from "./said.ts"

const at = (bench: Bench, type: ConditionType): number => Date.parse(condition(bench, ha, type).lastTransition)

describe("conditions", () => {
  it("are six for each service, with or without a probe", () => {
    const bench = settled()
    const { probe: _, ...bare } = specs.find((spec) => spec.name === ha)!
    for (const spec of [...specs, bare]) {
      assert.deepStrictEqual(
        containerConditions(bench.memory, spec, bench).map(({ status, type }) => `${type} ${status}`),
        [
          "Running True",
          "Healthy True",
          "VersionMatched True",
          "Progressing False",
          "Contested False",
          "Capable Unknown"
        ]
      )
    }
  })

  it("are Unknown before anything was seen", () => {
    const bench = new Bench()
    assert.deepStrictEqual(
      containerConditions(bench.memory, specs[0]!, bench).map(({ status }) => status),
      new Array<string>(6).fill("Unknown")
    )
  })

  it("each have their own moment of transition", () => {
    const bench = settled()
    const begun = at(bench, "Running")
    bench.wait(5000)
    for (let probe = 0; probe < 3; probe += 1) bench.wait(1000).probe(ha, "Unhealthy")
    const ill = bench.wall
    bench.wait(7000).look({})
    assert.deepStrictEqual([at(bench, "Running"), at(bench, "VersionMatched")], [begun, begun])
    assert.isAtMost(at(bench, "Healthy"), ill)
    assert.isAbove(at(bench, "Healthy"), begun)
    bench.version("2.0").look({})
    const changed = at(bench, "VersionMatched")
    assert.isAbove(changed, ill)
    assert.strictEqual(at(bench, "Running"), begun)
  })

  it("name the version that is wanted, also while the old one is what is assigned", () => {
    const bench = settled().version("2.0").look({})
    const { message, reason } = condition(bench, ha, "VersionMatched")
    assert.strictEqual(reason, "Mismatch")
    assert.match(message, /^it runs \S+:1\.0, and version 2\.0 is wanted of it$/)
  })

  it("keep their moment while reason and message change", () => {
    const bench = settled().look({ [ha]: stopped })
    const fell = at(bench, "Running")
    bench.wait(3000)
    restart(bench, ha)
    bench.look({ [ha]: absent })
    assert.deepStrictEqual([condition(bench, ha, "Running").status, at(bench, "Running")], ["False", fell])
    bench.wait(1000).look({ [ha]: unclear })
    assert.isAbove(at(bench, "Running"), fell)
  })

  it("say Progressing Unknown while nobody can see whether there is anything to do", () => {
    const bench = settled().lookFails(false)
    assert.deepStrictEqual(
      [condition(bench, gnmi, "Progressing").status, condition(bench, gnmi, "Progressing").reason],
      ["Unknown", "NpuUnreachable"]
    )
  })

  it("replay with the step: the same inputs give the same moments", () => {
    const run = () => {
      const bench = settled().look({ [ha]: stopped })
      bench.wait(500).lookFails(false).wait(500).look({ [ha]: runs("1.0", "b") })
      return bench.memory.standings
    }
    assert.deepStrictEqual(run(), run())
  })
})

describe("an NPU that cannot be reached", () => {
  const reachable = (bench: Bench) => daemonConditions(bench.memory, bench).find(({ type }) => type === "Reachable")

  it("is said with what is wrong with the transport, and again when that changes", () => {
    const bench = settled()
    bench.events = []
    bench.lookFails(false, "it expired", "CertificateExpired").lookFails(false, "it expired", "CertificateExpired")
    assert.deepInclude(reachable(bench), { status: "False", reason: "CertificateExpired", message: "it expired" })
    assert.strictEqual(bench.events.filter(({ reason }) => reason === "NpuUnreachable").length, 1)
    bench.lookFails(false, "nobody listens", "Refused")
    assert.deepInclude(reachable(bench), { status: "False", reason: "Refused" })
    assert.match(bench.events.at(-1)?.message ?? "", /now for another reason: nobody listens/)
    bench.lookFails(false)
    assert.deepInclude(reachable(bench), { reason: "NoAnswer" })
    bench.look({})
    assert.deepInclude(reachable(bench), { status: "True", reason: "Answers" })
  })
})

describe("a crash loop", () => {
  it("is said once, with the moment of the next try, by event and by condition", () => {
    const bench = settled().look({ [ha]: absent })
    bench.imagesHeld()
    bench.reasons()
    for (let failure = 0; failure < 6; failure += 1) {
      const looping = bench.record(ha).level >= 3
      bench.events = []
      bench.end(ha, { _tag: "Refused", kind: "Conflict", reason: "port used" })
      const said = bench.events.find((event) => event.reason === "CrashLooping")
      bench.look({ [ha]: absent })
      const { due, level } = bench.record(ha)
      const next = new Date(bench.wall + due!.at - bench.mono).toISOString()
      if (level === 4) assert.isTrue(said?.message.includes(next) && said.message.includes("offloadctl retry ha"))
      else assert.isUndefined(said)
      const running = condition(bench, ha, "Running")
      assert.strictEqual(running.reason, looping ? "CrashLooping" : "Absent")
      if (looping) assert.isTrue(running.message.includes(next) && running.message.includes("port used"))
      bench.wait(due!.at - bench.mono).give({ _tag: "Woke" })
    }
  })
})
