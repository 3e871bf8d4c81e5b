/** The port to what runs a simulation: one run from one seed, as fast as the machine can. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

import type { ContainerSpec } from "../model/catalogue.ts"
import type { Plan } from "./fault.ts"
import type { Surroundings } from "./surroundings.ts"
import type { Profile } from "./swarm.ts"
import type { Entry } from "./trace.ts"

export interface RunOptions {
  readonly seed: number
  /** Milliseconds of simulated time in which faults happen; the quiet end comes after it. */
  readonly length: number
  /** How many DPUs share the NPU, 1 to 8. */
  readonly dpus: number
  readonly surroundings: Surroundings
  readonly plan: Plan
  /** Milliseconds from the end of all faults to the end of the run. */
  readonly quiet: number
  /** Hears every entry as it happens; returns false to end the run. */
  readonly watch: (entry: Entry) => boolean
}

/** Milliseconds from the end of all faults to the end of the run. An upgrade may take its time: probation is ten minutes. */
export const quietEnd = (profile: Profile): number => profile === "upgrades" ? 1_500_000 : 300_000

export interface SimulatorService {
  /** The containers of each DPU of a world of so many, by DPU. */
  readonly containers: (dpus: number, surroundings: Surroundings) => ReadonlyArray<ReadonlyArray<ContainerSpec>>
  /** Sound SONiC versions that a DPU of the world can come to have; the first is what all begin with. */
  readonly versions: ReadonlyArray<string>
  /** Versions of which an image is bad in one way or another. */
  readonly badVersions: ReadonlyArray<string>
  readonly run: (options: RunOptions) => Effect.Effect<void>
}

export class Simulator extends Context.Tag("offloader/Simulator")<Simulator, SimulatorService>() {}
