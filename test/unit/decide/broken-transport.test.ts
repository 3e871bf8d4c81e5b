/** What a transport that breaks again and again may and may not bring about: found by simulation. */
import { assert, describe, it } from "@effect/vitest"

import { absent, Bench, database, gnmi, ha, settled, stopped } from "./bench.ts"

describe("a transport that breaks again and again", () => {
  it("asks for a look at the first loss, and by the period while nothing answers", () => {
    const bench = settled()
    assert.isTrue(bench.give({ _tag: "ConnectionLost", reason: "reset" }).look)
    bench.lookFails(false)
    assert.isFalse(bench.give({ _tag: "ConnectionLost", reason: "reset" }).look)
  })

  it("does not make the crashes of one container a reboot", () => {
    const bench = settled()
    for (const name of [gnmi, ha]) bench.command({ _tag: "SetDesired", container: name, desired: "stopped" })
    bench.look({ [gnmi]: absent, [ha]: absent })
    const { level } = bench.record(database)
    bench.give({ _tag: "ConnectionLost", reason: "reset" })
    bench.look({ [database]: stopped, [gnmi]: absent, [ha]: absent })
    assert.notInclude(bench.reasons(), "NpuRebooted")
    assert.strictEqual(bench.record(database).due?.cause, "Crash")
    assert.strictEqual(bench.record(database).level, level + 1)
  })

  it("still makes several gone at once one", () => {
    const bench = new Bench().version("1.0").look({})
    bench.give({ _tag: "ConnectionLost", reason: "reset" })
    bench.look({ [database]: absent, [gnmi]: absent })
    assert.include(bench.reasons(), "NpuRebooted")
  })
})
