import { assert, describe, it } from "@effect/vitest"

import { ContainerJournal } from "../../../src/simulate/oracle/container-journal.ts"
import type { Evidence } from "../../../src/simulate/oracle/evidence.ts"
import { specs } from "../decide/bench.ts"

const [spec] = specs
const absent: Evidence = { state: "Absent", id: "", version: undefined }
const running = (id: string): Evidence => ({ state: "Running", id, version: undefined })

describe("an instance that lists had lost for a while", () => {
  const returned = (): ContainerJournal => {
    const journal = new ContainerJournal(spec!)
    journal.shows(running("1"), 1000, true)
    journal.shows(absent, 2000, true)
    journal.shows(running("1"), 3000, true)
    return journal
  }

  it("was never away", () => {
    const journal = returned()
    journal.probes.answered("Healthy", 3500, 3500)
    assert.isTrue(journal.hasRunFor(4000, 5000, 5000))
  })

  it("was ill until another took its place, and not only until it was lost", () => {
    const journal = returned()
    for (const at of [4000, 5000, 6000]) journal.probes.answered("Unhealthy", at, at)
    journal.shows(running("2"), 7000, true)
    assert.isTrue(journal.probes.wasBad(6500, 7500, 3, 2000))
  })

  it("was ill until it was lost, where it does not come back", () => {
    const journal = returned()
    for (const at of [4000, 5000, 6000]) journal.probes.answered("Unhealthy", at, at)
    journal.shows(absent, 6500, true)
    journal.shows(running("2"), 7000, true)
    assert.isTrue(journal.probes.wasBad(6500, 7500, 3, 2000))
    assert.isFalse(journal.probes.wasBad(6501, 7500, 3, 2000))
  })
})
