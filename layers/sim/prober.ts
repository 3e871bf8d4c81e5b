/** Probes that ask the in-memory engine, over the same faulty way as the calls. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import type { ProbeResult, ProberService } from "../../src/health/prober.ts"
import type { ContainerSpec } from "../../src/model/catalogue.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import type { Entry } from "../../src/simulate/trace.ts"
import type { Engine } from "../npu-sim/engine/engine.ts"
import type { Link } from "./link.ts"
import type { ProcessScheduler } from "./scheduler.ts"
import type { SimulatedTime } from "./time.ts"

export interface ProberOptions {
  readonly dpu: number
  readonly containers: ReadonlyArray<ContainerSpec>
  readonly engine: Engine
  readonly time: SimulatedTime
  readonly chance: Chance
  readonly record: (entry: Entry) => void
}

export const make = (options: ProberOptions, link: Link, process: ProcessScheduler): ProberService => {
  const { containers, dpu, engine, record, time } = options
  const chance = options.chance.fork(7)
  const byPort = new Map(containers.flatMap((spec) => spec.probe === undefined ? [] : [[spec.probe.port, spec.name]]))

  /** What the prober would see now; undefined where nothing comes back. */
  const ask = (container: string): ProbeResult | undefined => {
    if (link.refuses) return { _tag: "Unknown", reason: "no route to host" }
    if (link.swallowsRequests || link.swallowsReplies || link.hit("ProbesLost") !== undefined) return undefined
    switch (engine.probeMode(container)) {
      case "ok":
        return healthy
      case "refuse":
        return refused
      case "wrong":
        return wrong
      case "hang":
        return undefined
    }
  }

  return {
    probe: (target, timeout) =>
      Effect.async<ProbeResult>((resume) => {
        const container = byPort.get(target.port) ?? ""
        const begun = time.now
        const end = (result: ProbeResult): void => {
          if (!process.alive) return
          record({ _tag: "Probed", at: time.now, dpu, container, begun, result: result._tag })
          resume(Effect.succeed(result))
        }
        let timer = time.after(chance.between(0.2, 1), () => {
          const result = ask(container)
          if (result !== undefined) end(result)
          else timer = time.after(Duration.toMillis(timeout), () => end(silent))
        })
        return Effect.sync(() => time.cancel(timer))
      })
  }
}

const healthy: ProbeResult = { _tag: "Healthy" }
const refused: ProbeResult = { _tag: "Unhealthy", reason: "connection refused" }
const wrong: ProbeResult = { _tag: "Unhealthy", reason: "a wrong answer" }
const silent: ProbeResult = { _tag: "Unknown", reason: "no answer in time" }
