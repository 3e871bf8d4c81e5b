import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"

import type { Input } from "../../../src/decide/input.ts"
import { decidedOf, decodeEntry, encodeEntry, type RecordingEntry } from "../../../src/decide/recording.ts"
import { replay } from "../../../src/decide/replay.ts"
import { absent, Bench, database, ha, restart, runs, specs, stopped } from "./bench.ts"

/** A bench that records itself, as lines. */
class RecordedBench extends Bench {
  readonly lines: Array<string> = []

  override give(input: Input) {
    // The parent's constructor steps before there is anything to record into.
    if (this.lines === undefined) return super.give(input)
    if (this.lines.length % 7 === 0) this.write({ _tag: "Memory", version: "0.1.0", memory: this.memory })
    const now = { mono: this.mono, wall: this.wall, unsavable: this.unsavable }
    const output = super.give(input)
    this.write({ _tag: "Turn", now, input, decided: decidedOf(output) })
    return output
  }

  private write(entry: RecordingEntry): void {
    this.lines.push(encodeEntry(entry))
  }
}

const recorded = (): RecordedBench => {
  const bench = new RecordedBench()
  bench.version("1.0").look({})
  for (const spec of specs) bench.probe(spec.name, "Healthy")
  for (let crash = 0; crash < 6; crash += 1) {
    bench.look({ [ha]: stopped })
    bench.wait(bench.record(ha).due!.at - bench.mono).give({ _tag: "Woke" })
    restart(bench, ha)
    bench.look({ [ha]: runs("1.0", `n${crash}`) })
  }
  bench.unsavable = "no space"
  bench.lookFails(false).look({}, absent)
  return bench
}

const entries = (lines: ReadonlyArray<string>) => lines.map((line) => Either.getOrThrow(decodeEntry(line)))

describe("a recording", () => {
  it("replays to the same decisions and the same memory", () => {
    const bench = recorded()
    const result = replay(entries(bench.lines))
    assert.deepStrictEqual(result.decisions.filter((turn) => turn.differs), [])
    assert.deepStrictEqual([result.otherMemory, result.skipped, result.versions], [[], 0, ["0.1.0"]])
    assert.isAbove(result.turns, 30)
    const actions = result.decisions.flatMap((turn) => turn.replayed.actions)
    assert.strictEqual(actions.filter((action) => action.startsWith(`Start ${ha}`)).length, 6)
  })

  it("shows where another step decides otherwise", () => {
    const changed = entries(recorded().lines).map((entry): RecordingEntry =>
      entry._tag === "Turn" && entry.decided.actions.some((action) => action.startsWith(`Start ${ha}`))
        ? { ...entry, decided: { ...entry.decided, actions: [`Start ${database} op-9`] } }
        : entry
    )
    const differing = replay(changed).decisions.filter((turn) => turn.differs)
    assert.lengthOf(differing, 6)
    assert.include(differing[0]?.replayed.actions.join(), ha)
  })

  it("shows where memory went another way", () => {
    let memories = 0
    const changed = entries(recorded().lines).map((entry): RecordingEntry =>
      entry._tag === "Memory" && ++memories === 3
        ? { ...entry, memory: { ...entry.memory, durable: { ...entry.memory.durable, random: 1 } } }
        : entry
    )
    assert.lengthOf(replay(changed).otherMemory, 2)
  })

  it("whose beginning was thrown away begins with the next whole memory", () => {
    const { lines } = recorded()
    const result = replay(entries(lines.slice(3)))
    assert.isAbove(result.skipped, 0)
    assert.deepStrictEqual(result.decisions.filter((turn) => turn.differs), [])
  })

  it.each(["", "{", "[]", "null", "{\"_tag\":\"Other\"}"])("refuses the line %j", (line) => {
    assert.isTrue(Either.isLeft(decodeEntry(line)))
  })
})
