/** What can go wrong on a SmartSwitch: how it is brought about and ended, how it shows, what it may cost. */
import * as Effect from "effect/Effect"

import type { PackError } from "../../layers/images/pack.ts"
import type { ProcessError } from "../../layers/lab/process.ts"
import type { ContainerList } from "../../src/control/views.ts"
import type { Dpu, SmartSwitch } from "./switch.ts"

/** Ends the fault. */
export type Heal = Effect.Effect<void, ProcessError>

/** Of what is over at once. */
export const over: Heal = Effect.void

export interface Fault {
  readonly summary: string
  /** Who feels it: one DPU, or all of them. */
  readonly on: "dpu" | "switch"
  readonly inject: (lab: SmartSwitch, dpu: Dpu) => Effect.Effect<Heal, ProcessError | PackError>
  /** How it shows in the list of each daemon that feels it; `before` is that daemon's list before it. */
  readonly shows?: (list: ContainerList, before: ContainerList) => boolean
  /** The reason of the event by which each daemon that feels it tells it. */
  readonly tells?: string
  /** The same for its end. */
  readonly tellsEnd?: string
  /** What else must be so before it counts as healed. */
  readonly healed?: (list: ContainerList) => boolean
  /** Of the containers that ran before, those that it costs one start each; none where it is absent. */
  readonly costs?: (containers: ReadonlyArray<string>, dpu: Dpu) => ReadonlyArray<string>
  /** What it needs that this machine has not, in a sentence. */
  readonly missing?: () => string | undefined
}

/** The daemon has noticed that the NPU does not answer. */
export const unreachable = ({ npu }: ContainerList): boolean => npu.reachable === false

/** All containers that ran, on whatever DPU. */
export const every = (containers: ReadonlyArray<string>): ReadonlyArray<string> => containers
