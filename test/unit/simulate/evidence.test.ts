import { assert, describe, it } from "@effect/vitest"

import { split } from "../../../src/model/image.ts"
import type { ContainerRow } from "../../../src/npu/rows.ts"
import { ContainerEvidence } from "../../../src/simulate/oracle/evidence.ts"

const unclear: ContainerRow = {
  id: "1",
  names: ["a"],
  image: split("a:1"),
  version: undefined,
  status: "UNSPECIFIED"
}

/** A list of all shows it in no clear state, and one of what runs does not show it. */
const leftover = (): ContainerEvidence => {
  const evidence = new ContainerEvidence("a")
  evidence.listed([unclear], true, 1000, 1001)
  evidence.listed([], false, 1001, 1002)
  return evidence
}

describe("evidence of a leftover", () => {
  it("stands for the rest of its look, however long a list of it has to be asked for again", () => {
    const evidence = leftover()
    evidence.goesOn(6002)
    evidence.listed([unclear], true, 6102, 6103)
    assert.strictEqual(evidence.present.state, "Stopped")
  })

  it("is gone with an outage, after which it takes two lists again", () => {
    const evidence = leftover()
    evidence.blind(6002)
    evidence.listed([], true, 7000, 7001)
    evidence.goesOn(12_001)
    evidence.listed([], true, 12_101, 12_102)
    assert.strictEqual(evidence.present.state, "Absent")
    evidence.listed([unclear], true, 12_103, 12_104)
    assert.strictEqual(evidence.present.state, "Unknown")
    evidence.listed([], false, 12_104, 12_105)
    assert.strictEqual(evidence.present.state, "Stopped")
  })

  it("is gone with the first list of the next look that says nothing clear", () => {
    const evidence = leftover()
    evidence.listed([unclear], true, 2002, 2003)
    assert.strictEqual(evidence.present.state, "Unknown")
  })
})
