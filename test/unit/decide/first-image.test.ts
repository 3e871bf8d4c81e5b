/** What a service is started from that was never assigned an image. */
import { assert, describe, it } from "@effect/vitest"

import { type Durable, initialContainer } from "../../../src/decide/durable.ts"
import { wantedImage } from "../../../src/decide/question.ts"
import { verdict } from "../../../src/decide/verdict.ts"
import { format } from "../../../src/model/image.ts"
import { absent, type Bench, database, ha, settled, specs } from "./bench.ts"

const quarantine: Durable["quarantine"] = [
  { version: "2.0", images: [], reason: "it did not hold", at: "2026-01-01T00:00:00.000Z" }
]

/** The version 2.0 of the DPU is in quarantine, the services run 1.0, and nothing is known of ha. */
const forgotten = (): Bench => {
  const bench = settled().version("2.0")
  const { durable } = bench.memory
  bench.memory = {
    ...bench.memory,
    durable: { ...durable, upgrade: null, quarantine, containers: { ...durable.containers, [ha]: initialContainer } }
  }
  return bench
}

const first = ({ memory }: Bench): string | undefined => {
  const image = wantedImage(memory, specs.find(({ name }) => name === ha)!)
  return image === undefined ? undefined : format(image)
}

describe("a service without an assigned image", () => {
  it("is started at the DPU's version", () => {
    const bench = forgotten()
    bench.memory = { ...bench.memory, durable: { ...bench.memory.durable, quarantine: [] } }
    assert.strictEqual(first(bench), "docker-dash-ha:2.0")
  })

  it("is started at the others' version where the DPU's is in quarantine", () => {
    assert.strictEqual(first(forgotten()), "docker-dash-ha:1.0")
  })

  it("waits, and says why, where the others do not agree either", () => {
    const bench = forgotten()
    const { durable } = bench.memory
    const mixed = { ...durable.containers[database]!, assigned: "docker-database:0.9" }
    bench.memory = {
      ...bench.memory,
      durable: { ...durable, containers: { ...durable.containers, [database]: mixed } }
    }
    assert.isUndefined(first(bench))
    bench.actions = []
    bench.look({ [ha]: absent })
    assert.deepStrictEqual(bench.actions.filter((action) => action._tag === "Start"), [])
    assert.deepInclude(verdict(bench.memory, specs.find(({ name }) => name === ha)!, bench.mono), {
      _tag: "Wait",
      reason: "Quarantined"
    })
  })
})
