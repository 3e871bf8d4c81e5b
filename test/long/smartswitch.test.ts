/**
 * A whole SmartSwitch at length: with npu-sim in memory every fault twice, and
 * outages held for longer than any health threshold; then every fault on
 * podman's containers. Writes docs/lab-results.md.
 */
import { writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { type FaultName, faults } from "../../bin/smartswitch/faults.ts"
import { type EngineName, whyNoClock, whyNoSwitch } from "../../bin/smartswitch/switch.ts"
import { table } from "../lab/report.ts"
import { bringUp, type Trial, trial } from "../lab/trial.ts"

const root = resolve(import.meta.dirname, "../..")

/** How often each fault is tried with memory; of a fault that one DPU feels, each time on another DPU. */
const often = 2

/** Seconds; a database that does not answer is restarted after 60. */
const longer = 70

/** Of these the last trial with memory is a long one. */
const outages: ReadonlySet<FaultName> = new Set(["cable-cut", "black-hole", "answers-lost", "garbage"])

const onEngine = (engine: EngineName, trials: number, longest: number) =>
  Effect.scoped(Effect.gen(function*() {
    const lab = yield* bringUp({ dist: join(root, "dist"), engine, dpus: 8 })
    const results: Array<Trial> = []
    let next = 0
    for (const name of Object.keys(faults) as Array<FaultName>) {
      for (let count = 1; count <= trials; count += 1) {
        const hold = count === trials && outages.has(name) ? longest : 0
        results.push(yield* trial(lab, name, faults[name], lab.dpus[next % lab.dpus.length]!, hold))
        next += 1
      }
    }
    return results
  }))

describe("a SmartSwitch of eight DPUs", () => {
  it.scopedLive(
    "heals what goes wrong for as long as it lasts, in memory and on podman",
    (context) =>
      Effect.gen(function*() {
        const skip = (yield* whyNoSwitch("podman")) ?? whyNoClock()
        if (skip !== undefined) {
          Object.assign(context.task.meta, { skipReason: skip })
          return context.skip(skip)
        }
        const memory = yield* onEngine("memory", often, longer)
        const podman = yield* onEngine("podman", 1, 0)
        yield* Effect.sync(() => writeFileSync(join(root, "docs", "lab-results.md"), page(memory, podman)))
      }),
    3_600_000
  )
})

const page = (memory: ReadonlyArray<Trial>, podman: ReadonlyArray<Trial>): string =>
  `# What the lab's faults came to

Written by \`npm run test:long -- test/long/smartswitch.test.ts\`, as root on Linux with the packages that
[lab.md](lab.md) names. Eight DPUs with a daemon each and three services each, one of them stopped by an operator;
mutual TLS; network namespaces as the midplane.

With npu-sim in memory each fault was injected and healed ${often} times; of a fault that one DPU feels, each time on
another DPU. Of the outages (${[...outages].join(", ")}) the last lasted
${longer} s longer than it took to be detected, which is longer than any threshold of health. On podman each was injected
once.

*Time to detect* is from the injection until every daemon that feels the fault showed it, *time to heal* from its end
until every service on the switch ran, answered and was seen by a newer look; the worst of the trials. *Starts due* are
those that the fault made necessary: of what it stopped, or upgraded. *False restarts* are all others, by npu-sim's
journal of every mutating call. The test fails where there is one; where what was stopped is not started exactly once;
where a call names a container of another DPU; and where the service that the operator stopped is started.

## npu-sim in memory

${table(memory)}

## npu-sim on podman

${table(podman)}
`
