/**
 * A whole SmartSwitch at length: every fault with npu-sim in memory, where some
 * outages last longer than any threshold of health, and every fault on podman's
 * containers. Each writes its table into docs.
 */
import { writeFileSync } from "node:fs"
import { join, resolve } from "node:path"

import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { type FaultName, faults } from "../../bin/smartswitch/faults.ts"
import { type EngineName, whyNoClock, whyNoSwitch } from "../../bin/smartswitch/switch.ts"
import { table } from "../lab/report.ts"
import { bringUp, type Trial, trial } from "../lab/trial.ts"
import { skip } from "../needs.ts"

const root = resolve(import.meta.dirname, "../..")

/** Seconds; a database that does not answer is restarted after 60. */
const longer = 70

const engines = {
  memory: { file: "lab-results.md", title: "npu-sim in memory", long: new Set<FaultName>(["black-hole", "garbage"]) },
  podman: { file: "lab-results-podman.md", title: "npu-sim on podman", long: new Set<FaultName>() }
} as const satisfies Record<EngineName, object>

describe("a SmartSwitch of eight DPUs", () => {
  for (const engine of ["memory", "podman"] as const) {
    it.scopedLive(`heals what goes wrong for as long as it lasts, with ${engine}`, (context) =>
      Effect.gen(function*() {
        const missing = (yield* whyNoSwitch(engine)) ?? whyNoClock()
        if (missing !== undefined) return skip(context, missing)
        const { file, long } = engines[engine]
        const lab = yield* bringUp({ dist: join(root, "dist"), engine, dpus: 8 })
        const trials = yield* Effect.forEach(Object.keys(faults) as Array<FaultName>, (name, index) =>
          trial(lab, name, faults[name], lab.dpus[index % lab.dpus.length]!, long.has(name) ? longer : 0))
        yield* Effect.sync(() =>
          writeFileSync(join(root, "docs", file), page(engine, trials))
        )
      }), 3_600_000)
  }
})

const page = (engine: EngineName, trials: ReadonlyArray<Trial>): string =>
  `# What the lab's faults came to: ${engines[engine].title}

Written by \`npm run test:long -- test/long/smartswitch.test.ts -t ${engine}\`, as root on Linux with the packages that
[lab.md](lab.md) names. Eight DPUs with a daemon each and three services each, one of them stopped by an operator;
mutual TLS; network namespaces as the midplane.${lasting([...engines[engine].long])}

*Time to detect* is from the injection until every daemon that feels the fault showed it, *time to heal* from its end
until every service on the switch ran, answered and was seen by a newer look. *Starts due* are those that the fault made
necessary: of what it stopped, or upgraded. *False restarts* are all others, by npu-sim's journal of every mutating call.
The test fails where there is one; where what was stopped is not started exactly once; where a call names a container of
another DPU; and where the service that the operator stopped is started.

${table(trials)}
`

const lasting = (long: ReadonlyArray<FaultName>): string =>
  long.length === 0 ? "" : `\nOf the outages, ${long.join(" and ")} went on for ${longer} s after being detected.`
