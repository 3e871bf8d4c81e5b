/**
 * A real container engine as a `Backend`: anything that speaks the Docker API on
 * a unix socket. Archives are streamed on to it, containers run for real, and
 * its errors come back as gNOI's statuses.
 */
import Docker from "dockerode"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

import type {
  CreateVolumeRequest,
  CurrentStreamMethods,
  CurrentUnaryMethod,
  CurrentUnaryMethods,
  ListVolumeRequest,
  ListVolumeResponse,
  RemoveVolumeRequest
} from "../../../src/npu/messages.ts"
import type { Backend } from "../backend.ts"
import type { EngineListMethod } from "../engine/engine.ts"
import type { Refusal } from "../engine/reply.ts"
import * as containers from "./containers.ts"
import { ask } from "./engine-error.ts"
import * as images from "./images.ts"
import { log } from "./log.ts"

type UnaryCalls = {
  readonly [M in CurrentUnaryMethod]: (
    docker: Docker,
    request: CurrentUnaryMethods[M]["request"]
  ) => Effect.Effect<CurrentUnaryMethods[M]["response"], Refusal>
}

type Lists = {
  readonly [M in EngineListMethod]: (
    docker: Docker,
    request: CurrentStreamMethods[M]["request"]
  ) => Effect.Effect<ReadonlyArray<CurrentStreamMethods[M]["response"]>, Refusal>
}

/** UNAVAILABLE where the engine cannot be reached; what it runs already is not touched. */
export const make = (socketPath: string): Effect.Effect<Backend, Refusal> =>
  Effect.gen(function*() {
    const docker = new Docker({ socketPath })
    yield* ask(() => docker.ping())
    return {
      unary: (method, request) => unaryCalls[method](docker, request),
      list: (method, request) => lists[method](docker, request),
      log: (request) => log(docker, request),
      deploy: (request) => images.deploy(docker, request)
    }
  })

const createVolume = (docker: Docker, request: CreateVolumeRequest): Effect.Effect<{ name: string }, Refusal> => {
  const local = request.localMountOptions ?? undefined
  const options = local === undefined ? request.customOptions?.options ?? {} : {
    type: "none",
    o: local.options.join(","),
    device: local.mountpoint
  }
  return Effect.map(
    ask(() =>
      docker.createVolume({
        ...(request.name === "" ? {} : { Name: request.name }),
        Driver: "local",
        DriverOpts: { ...options },
        Labels: { ...request.labels }
      })
    ),
    (volume) => ({ name: volume.name })
  )
}

const removeVolume = (docker: Docker, request: RemoveVolumeRequest): Effect.Effect<Record<string, never>, Refusal> =>
  Effect.as(ask(() => docker.getVolume(request.name).remove({ force: request.force === true })), {})

const listVolumes = (
  docker: Docker,
  request: ListVolumeRequest
): Effect.Effect<ReadonlyArray<ListVolumeResponse>, Refusal> =>
  Effect.map(
    ask(() => docker.listVolumes({ filters: JSON.stringify(containers.filtersOf(request.filter)) } as object)),
    ({ Volumes }) =>
      (Volumes ?? []).map((volume) => ({
        name: volume.Name,
        created: created((volume as { readonly CreatedAt?: string }).CreatedAt),
        driver: volume.Driver,
        options: volume.Options ?? {},
        labels: volume.Labels ?? {}
      }))
  )

const created = (text: string | undefined) => {
  const millis = Date.parse(text ?? "")
  return Number.isNaN(millis) ? null : { seconds: String(Math.floor(millis / 1000)), nanos: millis % 1000 * 1_000_000 }
}

const unaryCalls: UnaryCalls = {
  StartContainer: containers.start,
  StopContainer: containers.stop,
  RemoveContainer: containers.remove,
  UpdateContainer: containers.update,
  RemoveImage: images.remove,
  CreateVolume: createVolume,
  RemoveVolume: removeVolume,
  Time: () => Effect.map(Clock.currentTimeMillis, (millis) => ({ time: `${millis}000000` })),
  Verify: () => Effect.succeed({ version: "SONiC-OS-npu-sim", activationFailMessage: "" })
}

const lists: Lists = {
  ListContainer: containers.list,
  ListImage: images.list,
  ListVolume: listVolumes
}
