/** What helps whoever reads a failing seed: the smaller plan, the trace, the picture. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

import { layer } from "../../layers/sim/simulator.ts"
import { kinds } from "../../src/simulate/draws.ts"
import { describe as describeFault, type Plan } from "../../src/simulate/fault.ts"
import { run, runPlan } from "../../src/simulate/run.ts"
import { shrink } from "../../src/simulate/shrink.ts"
import { Simulator } from "../../src/simulate/simulator.ts"
import { plain, Upgrades } from "../../src/simulate/surroundings.ts"
import { draw, type Profile, profiles } from "../../src/simulate/swarm.ts"
import { Timeline } from "../../src/simulate/timeline.ts"
import { page } from "../../src/simulate/timeline-page.ts"
import { line } from "../../src/simulate/trace.ts"

const setting = { seed: 3, length: 600_000, dpus: 1, profile: "all" as Profile }

/** A world that fails where a crash of `a` comes before an idle GOAWAY. */
const brittle = Layer.succeed(Simulator, {
  containers: () => [[]],
  versions: ["1"],
  badVersions: [],
  run: ({ plan, watch }) =>
    Effect.sync(() => {
      let crashed = false
      for (const [index, fault] of plan.entries()) {
        if (!watch({ _tag: "Fault", at: fault.at, index, fault, phase: "begins" })) return
        if (fault._tag === "ContainerCrash" && fault.container === "a") crashed = true
        if (fault._tag === "IdleGoaway" && crashed) {
          watch({ _tag: "Defect", at: fault.at, dpu: 0, text: "it broke" })
          return
        }
      }
    })
})

const long: Plan = Array.from({ length: 60 }, (_, index) => {
  const at = index * 1000
  if (index === 17) return { _tag: "ContainerCrash", at, container: "a" }
  if (index === 41) return { _tag: "IdleGoaway", at, dpu: 0 }
  return { _tag: "ContainerCrash", at, container: "b" }
})

describe("a failing seed", () => {
  it.effect("is shrunk to the faults that it takes", () =>
    Effect.gen(function*() {
      const whole = yield* runPlan(setting, long)
      const violation = whole.violations[0]
      assert.isDefined(violation)
      const smallest = yield* shrink(setting, long, violation)
      assert.deepStrictEqual(smallest.plan.map(describeFault), ["ContainerCrash container a", "IdleGoaway dpu 0"])
      assert.strictEqual(smallest.violations[0]?.invariant, "NoDefect")
    }).pipe(Effect.provide(brittle)))
})

describe("a run", () => {
  it.effect("is told line by line, and drawn as one page", () =>
    Effect.gen(function*() {
      const { containers } = yield* Simulator
      const timeline = new Timeline(containers(1, plain).map((specs) => specs.map(({ name }) => name)))
      const lines: Array<string> = []
      const outcome = yield* run(setting, (entry) => {
        timeline.add(entry)
        const text = line(entry)
        if (text !== undefined) lines.push(text)
      })
      assert.deepStrictEqual(outcome.violations, [])
      const picture = timeline.picture()
      for (const lane of ["faults", "dpu0 link", "dpu0 daemon", "databasedpu0", "gnmidpu0", "dash-hadpu0"]) {
        assert.include(picture.lanes, lane)
      }
      const starts = lines.filter((text) => text.includes("→ StartContainer")).length
      assert.isAbove(starts, 0)
      assert.strictEqual(picture.marks.filter(({ kind }) => kind === "start").length, starts)
      assert.strictEqual(outcome.counts.actions["StartContainer"], starts)
      const html = page(picture, "a <run>", ["one & two"])
      assert.include(html, "a &lt;run&gt;")
      assert.include(html, "one &amp; two")
      assert.notMatch(html, /(?:src|href)=/)
    }).pipe(Effect.provide(layer)), 60_000)
})

describe("plans", () => {
  const versions = ["1", "2", "3"]
  const options = { seed: 1, length: 3_600_000, containers: [["a", "b"], ["c"]], versions, sound: versions }

  it("are drawn alike from the same seed, within the time, in order, of the profile's kinds", () => {
    for (const profile of Object.keys(profiles) as ReadonlyArray<Profile>) {
      for (let seed = 1; seed <= 20; seed += 1) {
        const upgrades = profile === "all" ? Upgrades.literals[seed % Upgrades.literals.length]! : "rare"
        const plan = draw({ ...options, seed, profile, upgrades })
        assert.deepStrictEqual(draw({ ...options, seed, profile, upgrades }), plan)
        for (const [index, fault] of plan.entries()) {
          assert.isTrue(profiles[profile](fault._tag), fault._tag)
          if (index > 0) assert.isAtMost(plan[index - 1]!.at, fault.at)
          assert.isAtMost(fault.at + ("length" in fault ? fault.length : 0), options.length + 0.001)
        }
      }
    }
  })

  it("draw every kind of fault from some seed", () => {
    const drawn = new Set<string>()
    for (let seed = 1; seed <= 100; seed += 1) {
      for (const { _tag } of draw({ ...options, seed, profile: "all", upgrades: "rare" })) drawn.add(_tag)
    }
    assert.deepStrictEqual([...drawn].sort(), [...kinds].sort())
  })
})
