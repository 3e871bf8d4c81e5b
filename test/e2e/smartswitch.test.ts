/**
 * A whole SmartSwitch: eight DPUs with mutual TLS on a midplane of network
 * namespaces, npu-sim in memory, each fault once. test/long does it at length,
 * and on real containers.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { type FaultName, faults } from "../../bin/smartswitch/faults.ts"
import { whyNoClock, whyNoSwitch } from "../../bin/smartswitch/switch.ts"
import { bringUp, trial } from "../lab/trial.ts"
import { dist } from "./switch.ts"

describe("a SmartSwitch of eight DPUs", () => {
  it.scopedLive(
    "heals what goes wrong, restarts nothing without cause, touches nobody else's containers",
    (context) =>
      Effect.gen(function*() {
        const skip = (yield* whyNoSwitch("memory")) ?? whyNoClock()
        if (skip !== undefined) {
          Object.assign(context.task.meta, { skipReason: skip })
          return context.skip(skip)
        }
        const lab = yield* bringUp({ dist, engine: "memory", dpus: 8 })
        for (const [index, name] of (Object.keys(faults) as Array<FaultName>).entries()) {
          yield* trial(lab, name, faults[name], lab.dpus[index % lab.dpus.length]!)
        }
      }),
    900_000
  )
})
