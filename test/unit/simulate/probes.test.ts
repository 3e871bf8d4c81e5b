import { assert, describe, it } from "@effect/vitest"

import { ProbeHistory } from "../../../src/simulate/oracle/probes.ts"

describe("ill health", () => {
  const ill = (): ProbeHistory => {
    const probes = new ProbeHistory()
    for (const at of [1000, 2000, 3000]) probes.answered("Unhealthy", at, at)
    return probes
  }

  it("is of so many bad answers in a row, for so long", () => {
    assert.isTrue(ill().wasBad(3000, 3000, 3, 2000))
    assert.isFalse(ill().wasBad(3000, 3000, 4, 2000))
    assert.isFalse(ill().wasBad(3000, 3000, 3, 2001))
  })

  it("was there until a good answer, or the end of the instance, for whoever decided before that", () => {
    const healed = ill()
    healed.answered("Healthy", 3500, 3500)
    const gone = ill()
    gone.forget(3500)
    for (const probes of [healed, gone]) {
      assert.isTrue(probes.wasBad(3400, 3600, 3, 2000))
      assert.isFalse(probes.wasBad(3501, 3600, 3, 2000))
    }
  })

  it("is remembered although there was more of it since, for too short a time", () => {
    const replaced = ill()
    replaced.forget(3500)
    replaced.answered("Unhealthy", 3600, 3600)
    replaced.answered("Healthy", 3700, 3700)
    assert.isTrue(replaced.wasBad(3400, 20_000, 3, 2000))
    assert.isFalse(replaced.wasBad(3501, 20_000, 3, 2000))
  })
})
