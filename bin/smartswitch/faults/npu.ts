/** Faults of the NPU and of what runs on it. */
import * as Effect from "effect/Effect"

import { every, type Fault, over, unreachable } from "../fault.ts"
import type { Dpu } from "../switch.ts"

export const npuRestart: Fault = {
  summary: "the NPU's gNOI server ends and is started again; the containers run on",
  on: "switch",
  inject: ({ npu }) => npu.takeDown,
  shows: unreachable
}

export const npuPowerCycle: Fault = {
  summary: "the NPU loses its power, and comes back without its containers (with memory also without its images)",
  on: "switch",
  inject: ({ npu }) => npu.powerOff,
  shows: unreachable,
  costs: every
}

export const containerKill: Fault = {
  summary: "the process of the DPU's gnmi is killed",
  on: "dpu",
  inject: ({ npu }, dpu) => Effect.as(Effect.forEach(victims(dpu), npu.crash), over),
  shows: (list, before) => {
    const [now, then] = [list, before].map(({ containers }) => containers.find(({ service }) => service === "gnmi"))
    return now?.state !== "Running" || now.restarts !== then?.restarts
  },
  costs: (_, dpu) => victims(dpu)
}

const victims = (dpu: Dpu): ReadonlyArray<string> =>
  dpu.lab.containers.filter(({ service }) => service === "gnmi").map(({ name }) => name)
