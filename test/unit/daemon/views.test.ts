import { assert, describe, it } from "@effect/vitest"

import { listView, versionView } from "../../../src/daemon/views.ts"
import type { Memory } from "../../../src/decide/memory.ts"
import { settled } from "../decide/bench.ts"

const about = { daemon: "0.1.0", pid: 7, startedAt: "2026-01-01T00:00:00.000Z", dpu: "dpu2" }

describe("the view of versions", () => {
  const sonic = (memory: Memory) => {
    const { sonicVersion, sonicVersionReason } = versionView(memory, about, "npu")
    return [sonicVersion, sonicVersionReason]
  }

  it("shows the DPU's own, whatever an operator ordered", () => {
    const bench = settled()
    bench.command({ _tag: "Upgrade", version: "2.0", stageOnly: false })
    assert.deepStrictEqual(sonic(bench.memory), ["1.0", null])
    bench.give({ _tag: "VersionUnreadable", reason: "there is no such file" })
    assert.deepStrictEqual(sonic(bench.memory), [null, "there is no such file"])
  })
})

describe("the view of all containers", () => {
  it("says why the DPU's version cannot be read, while it cannot", () => {
    const bench = settled()
    const why = () => listView(bench.memory, "npu", "dpu2", bench).versionUnreadable
    assert.isNull(why())
    bench.give({ _tag: "VersionUnreadable", reason: "there is no such file" })
    assert.strictEqual(why(), "there is no such file")
    bench.version("1.0")
    assert.isNull(why())
  })
})
