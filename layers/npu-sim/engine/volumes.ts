/** Volumes: names with a driver and labels, held by the containers that mount them. */
import * as Either from "effect/Either"

import type {
  CreateVolumeRequest,
  ListVolumeRequest,
  ListVolumeResponse,
  RemoveVolumeRequest,
  Timestamp
} from "../../../src/npu/messages.ts"
import { type Core, nextId } from "./core.ts"
import { hasLabel } from "./images.ts"
import { type Answer, refuse } from "./reply.ts"

/** Creating one that exists succeeds and changes nothing, as container engines do. */
export const create = (core: Core, request: CreateVolumeRequest): Answer<{ readonly name: string }> => {
  const name = request.name === "" ? nextId(core) : request.name
  if (!core.volumes.has(name)) core.volumes.set(name, { request: { ...request, name }, createdAt: core.time })
  return Either.right({ name })
}

export const remove = (core: Core, request: RemoveVolumeRequest): Answer<Record<string, never>> => {
  if (!core.volumes.has(request.name)) return refuse("NOT_FOUND", `volume ${request.name} not found`)
  for (const container of core.containers.values()) {
    if (container.request.volumes?.some((volume) => volume.name === request.name) === true) {
      return refuse("FAILED_PRECONDITION", `volume ${request.name} is used by container ${container.name}`)
    }
  }
  core.volumes.delete(request.name)
  return Either.right({})
}

export const list = (core: Core, request: ListVolumeRequest): Answer<ReadonlyArray<ListVolumeResponse>> =>
  Either.right(
    [...core.volumes.values()].map(({ request: volume, createdAt }) => ({
      name: volume.name,
      created: timestamp(createdAt),
      driver: volume.driver === "DS_CUSTOM" ? "custom" : "local",
      options: volume.customOptions?.options ?? {},
      labels: volume.labels ?? {}
    })).filter((row) =>
      (request.filter ?? []).every((filter) =>
        filter.key === "name"
          ? filter.value.some((value) => row.name.includes(value))
          : filter.key === "label" && filter.value.every((value) => hasLabel(row.labels, value))
      )
    )
  )

/** A named volume that a container mounts comes to be with it; a path on the host is none. */
export const ensure = (core: Core, name: string): void => {
  if (!name.startsWith("/") && !core.volumes.has(name)) {
    core.volumes.set(name, { request: { name }, createdAt: core.time })
  }
}

const timestamp = (millis: number): Timestamp => ({
  seconds: String(Math.floor(millis / 1000)),
  nanos: Math.floor(millis % 1000) * 1_000_000
})
