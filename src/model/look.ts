/**
 * Evidence: what one look at the NPU showed of the catalogue's containers.
 * Decisions are made on looks alone; whatever a look could not establish is
 * Unknown, and nothing is done on Unknown.
 */
import type { ImageRef } from "./image.ts"
import type { TransportFault } from "./transport-fault.ts"

/** What a look showed of one container. */
export type Sighting =
  | {
    readonly _tag: "Running"
    /** The engine's id of this instance; empty where the server tells none. */
    readonly id: string
    readonly image: ImageRef
    /** The SONiC version it runs, or undefined where neither tag nor label tells. */
    readonly version: string | undefined
  }
  /** It exists and does not run; its name is taken until it is removed. */
  | { readonly _tag: "Stopped"; readonly id: string; readonly image: ImageRef; readonly leftover: boolean }
  /** Two complete lists, the second begun after the first ended, had no such name. */
  | { readonly _tag: "Absent" }
  | { readonly _tag: "Unknown"; readonly reason: string }

export type LookResult =
  /** Sightings by container name; every container asked for has one. */
  | {
    readonly _tag: "Seen"
    readonly sightings: ReadonlyMap<string, Sighting>
    /** Containers of all DPUs with images of the catalogue: seen, never acted upon. */
    readonly users?: ReadonlyArray<ImageUser>
  }
  /** The NPU answers, and its server has no list of containers. */
  | { readonly _tag: "Unlisted"; readonly reason: string }
  /** The NPU did not answer, or not with a list. */
  | {
    readonly _tag: "Failed"
    readonly reachable: boolean
    readonly reason: string
    /** What is wrong with the transport, where that is the cause and can be told. */
    readonly fault?: TransportFault
  }

/** A container on the NPU, of whichever DPU, that holds an image. */
export interface ImageUser {
  readonly container: string
  readonly image: ImageRef
  readonly running: boolean
}

export interface Look {
  /** Monotonic milliseconds. */
  readonly begun: number
  readonly ended: number
  readonly result: LookResult
}
