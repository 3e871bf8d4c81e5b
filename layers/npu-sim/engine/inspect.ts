/** The engine's state as plain JSON, for administrators, checkers and failing tests. */
import { format } from "../../../src/model/image.ts"
import type { ProbeMode } from "./behaviour.ts"
import type { ContainerState, Core } from "./core.ts"
import { freeBytes } from "./images.ts"
import { probeModeOf } from "./lifecycle.ts"

/** Times are milliseconds since the epoch, or null. */
export interface Inspection {
  readonly now: number
  readonly containers: ReadonlyArray<{
    readonly name: string
    readonly id: string
    readonly image: string
    readonly imageId: string
    readonly state: ContainerState
    readonly awaitingRestart: boolean
    readonly probe: ProbeMode
    readonly createdAt: number
    readonly startedAt: number | null
    readonly finishedAt: number | null
    readonly exitCode: number | null
    readonly restarts: number
  }>
  readonly images: ReadonlyArray<{
    readonly id: string
    readonly names: ReadonlyArray<string>
    readonly architecture: string
    readonly size: number
    readonly labels: Readonly<Record<string, string>>
  }>
  readonly volumes: ReadonlyArray<string>
  /** Bytes. */
  readonly disk: { readonly capacity: number; readonly free: number; readonly filler: number }
  readonly transfers: number
  readonly blockedPorts: ReadonlyArray<number>
}

export const inspect = (core: Core): Inspection => ({
  now: core.time,
  containers: [...core.containers.values()].map((container) => ({
    name: container.name,
    id: container.id,
    image: container.imageName,
    imageId: container.imageId,
    state: container.state,
    awaitingRestart: container.awaitingRestart,
    probe: probeModeOf(core, container),
    createdAt: container.createdAt,
    startedAt: container.startedAt ?? null,
    finishedAt: container.finishedAt ?? null,
    exitCode: container.exitCode ?? null,
    restarts: container.restarts
  })),
  images: [...core.images.values()].map((image) => ({
    id: image.id,
    names: image.names.map(format),
    architecture: image.architecture,
    size: image.size,
    labels: image.labels
  })),
  volumes: [...core.volumes.keys()],
  disk: { capacity: core.disk.capacity, free: freeBytes(core), filler: core.disk.filler },
  transfers: core.transfers.size,
  blockedPorts: [...core.blockedPorts]
})
