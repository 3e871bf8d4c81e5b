/** What counts for and against a service whose probes fail: found by simulation. */
import { assert, describe, it } from "@effect/vitest"

import { absent, type Bench, database, gnmi, ha, restart, runs, settled } from "./bench.ts"

/** Everything answers, then `container` fails its probes for so long, looks going well. */
const ailing = (container: string, seconds: number): Bench => {
  const bench = settled()
  for (const name of [database, gnmi, ha]) bench.probe(name, "Healthy")
  for (let second = 0; second < seconds; second += 1) {
    bench.wait(998).look({})
    for (const name of [database, gnmi, ha]) bench.probe(name, name === container ? "Unhealthy" : "Healthy")
  }
  return bench
}

describe("a service that fails its probes", () => {
  it("is left alone where it answered while the NPU could not be reached", () => {
    const bench = ailing(gnmi, 25)
    bench.lookFails(false)
    for (let second = 0; second < 10; second += 1) bench.wait(1000).probe(gnmi, "Healthy")
    bench.look({})
    bench.wait(1000).look({})
    assert.deepStrictEqual(bench.take(), [])
    assert.strictEqual(bench.watched(gnmi).probe.failures, 0)
  })

  it("is judged by when its probes ended, however late a slow disk lets them be heard", () => {
    const bench = ailing(gnmi, 25)
    const ended = bench.mono
    bench.wait(20_000)
    bench.give({ _tag: "Probed", container: gnmi, begun: ended, ended, result: "Unhealthy", reason: "refused" })
    bench.look({})
    assert.isNull(bench.record(gnmi).due)
    bench.give({
      _tag: "Probed",
      container: gnmi,
      begun: ended + 10_000,
      ended: ended + 10_000,
      result: "Unhealthy",
      reason: "refused"
    })
    assert.strictEqual(bench.record(gnmi).due?.cause, "Unhealthy")
  })

  it("is not spoken of while the NPU does not answer, and is once it does", () => {
    const bench = settled().lookFails(false)
    bench.reasons()
    for (let second = 0; second < 10; second += 1) {
      for (let probe = 0; probe < 4; probe += 1) bench.wait(200).probe(gnmi, "Unhealthy")
      bench.lookFails(false)
    }
    for (let probe = 0; probe < 4; probe += 1) bench.wait(200).probe(gnmi, "Unhealthy")
    assert.deepStrictEqual(bench.reasons(), [])
    assert.isFalse(bench.watched(gnmi).probe.healthy, "nothing that comes after it is started")
    bench.look({})
    for (let probe = 0; probe < 4; probe += 1) bench.wait(200).probe(gnmi, "Unhealthy")
    assert.deepStrictEqual(bench.reasons(), ["NpuReachable", "Unhealthy"])
  })

  it("is not said to run where the NPU does not list it", () => {
    const bench = settled().lookFails(true)
    for (let probe = 0; probe < 3; probe += 1) bench.wait(200).probe(gnmi, "Unhealthy")
    assert.strictEqual(bench.events.at(-1)?.message, `${gnmi} failed 3 probes in a row: refused.`)
  })

  it("is not blamed for silence while the NPU is silent too", () => {
    const bench = settled()
    for (let second = 0; second < 90; second += 1) bench.wait(1000).probe(gnmi, "Unknown").lookFails(false)
    bench.look({})
    assert.strictEqual(bench.watched(gnmi).probe.failures, 0)
    assert.strictEqual(bench.watched(gnmi).probe.badSince, undefined)
  })

  it("is not stopped by force where it answered while it was being stopped", () => {
    const bench = ailing(gnmi, 40)
    bench.imagesHeld()
    bench.look({})
    assert.include(bench.take(), `Stop ${gnmi}`)
    bench.wait(7000).probe(gnmi, "Healthy")
    bench.wait(8000).end(gnmi, { _tag: "Ambiguous", reason: "no answer", unreachable: true })
    bench.look({})
    assert.deepStrictEqual(bench.take(), [])
  })

  it("has a grace of its own where somebody has put it in another's place", () => {
    const bench = settled().wait(600_000)
    bench.look({ [gnmi]: runs("1.0", "id-99") })
    const replaced = bench.mono
    assert.strictEqual(bench.record(gnmi).startedAt, replaced)
    for (let second = 0; second < 50; second += 1) {
      bench.wait(998).probe(gnmi, "Unhealthy").look({ [gnmi]: runs("1.0", "id-99") })
    }
    assert.deepStrictEqual(bench.take(), [])
  })

  it("is paid back once for its running, however often it mends before its restart", () => {
    const bench = settled()
    for (let crash = 0; crash < 6; crash += 1) {
      bench.look({ [gnmi]: absent }).wait(50_000).look({ [gnmi]: absent })
      restart(bench, gnmi)
      bench.look({}).probe(gnmi, "Healthy")
    }
    const { level } = bench.record(gnmi)
    assert.isAtLeast(level, 5)
    bench.take()
    bench.wait(250_000)
    for (let ill = 0; ill < 3; ill += 1) {
      for (let second = 0; second < 35; second += 1) {
        bench.wait(998).look({})
        for (const name of [database, gnmi, ha]) bench.probe(name, name === gnmi ? "Unhealthy" : "Healthy")
      }
      assert.strictEqual(bench.record(gnmi).due?.cause, "Unhealthy")
      bench.probe(gnmi, "Healthy").look({})
      assert.isNull(bench.record(gnmi).due)
    }
    assert.deepStrictEqual(bench.take(), [])
    assert.strictEqual(
      bench.record(gnmi).level,
      level + 3 - 2,
      "charged three times; six minutes less five seconds pay two"
    )
  })
})
