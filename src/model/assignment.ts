/** What this offloader is responsible for: one DPU's containers, and where they answer. */
import * as Context from "effect/Context"

import type { ContainerSpec, DpuNumber } from "./catalogue.ts"

export interface AssignmentService {
  readonly dpu: DpuNumber
  /** In an order in which each comes after what it depends on. */
  readonly containers: ReadonlyArray<ContainerSpec>
  /** The host that probes go to: the NPU's address on the midplane, as it is now. */
  readonly serviceHost: string
}

export class Assignment extends Context.Tag("offloader/Assignment")<Assignment, AssignmentService>() {}
