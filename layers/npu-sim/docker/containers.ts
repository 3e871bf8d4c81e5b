/** Containers of a real container engine, by gNOI's calls. */
import type Docker from "dockerode"
import type { Container, ContainerCreateOptions, ContainerInspectInfo } from "dockerode"
import * as Effect from "effect/Effect"

import { format } from "../../../src/model/image.ts"
import type {
  ContainerStatusName,
  InBandStatus,
  ListContainerRequest,
  ListContainerResponse,
  RemoveContainerRequest,
  StartContainerRequest,
  StartContainerResponse,
  StopContainerRequest,
  UpdateContainerRequest,
  UpdateContainerResponse
} from "../../../src/npu/messages.ts"
import { type Refusal, refusal } from "../engine/reply.ts"
import { createOptions } from "./create-options.ts"
import { ask, askMaybe } from "./engine-error.ts"

/** How long a process may take to end by itself before the engine kills it, s. */
const stopSeconds = 10

type Call<Request, Response> = (docker: Docker, request: Request) => Effect.Effect<Response, Refusal>

export const list: Call<ListContainerRequest, ReadonlyArray<ListContainerResponse>> = (docker, request) =>
  Effect.map(
    ask(() =>
      docker.listContainers({
        all: request.all === true,
        ...(request.limit === undefined || request.limit <= 0 ? {} : { limit: request.limit }),
        filters: filtersOf(request.filter)
      })
    ),
    (rows) =>
      rows.map((row) => ({
        id: row.Id,
        name: row.Names.join(","),
        imageName: row.Image,
        status: statusOf(row.Status, row.State),
        labels: row.Labels ?? {},
        hash: null
      }))
  )

/** A start that fails leaves the created container behind, which blocks the name. */
export const start: Call<StartContainerRequest, StartContainerResponse> = (docker, request) =>
  Effect.gen(function*() {
    const options = yield* createOptions(request)
    yield* mustHaveImage(docker, options.Image ?? "")
    if (request.instanceName !== "" && (yield* find(docker, request.instanceName)) !== undefined) {
      return yield* fail("ALREADY_EXISTS", `container ${request.instanceName} exists`)
    }
    const name = yield* createAndStart(docker, options)
    return { startOk: { instanceName: name } }
  })

/** Without force the process has time to end by itself; then the engine kills it. */
export const stop: Call<StopContainerRequest, InBandStatus> = (docker, request) =>
  Effect.gen(function*() {
    const info = yield* find(docker, request.instanceName)
    if (info?.State.Running !== true) {
      return yield* fail("NOT_FOUND", `container ${request.instanceName} is not running`)
    }
    yield* halt(docker.getContainer(info.Id), request.force === true ? 0 : stopSeconds)
    return {}
  })

export const remove: Call<RemoveContainerRequest, InBandStatus> = (docker, request) =>
  Effect.gen(function*() {
    if (request.name.startsWith("/")) {
      return yield* fail("INVALID_ARGUMENT", `invalid container name ${JSON.stringify(request.name)}`)
    }
    const info = yield* find(docker, request.name)
    if (info === undefined) return yield* fail("NOT_FOUND", `container ${request.name} not found`)
    // Podman would remove one that is being stopped, and leave its process for a while.
    if ((info.State.Running || info.State.Status === "stopping") && request.force !== true) {
      return yield* fail("FAILED_PRECONDITION", `container ${request.name} is ${info.State.Status}`)
    }
    yield* ask(() => docker.getContainer(info.Id).remove({ force: request.force === true }))
    return {}
  })

/** Break before make: the old one stops, keeps aside under another name, and comes back if the new one fails. */
export const update: Call<UpdateContainerRequest, UpdateContainerResponse> = (docker, request) =>
  Effect.gen(function*() {
    const old = yield* find(docker, request.instanceName)
    if (old === undefined) return yield* fail("NOT_FOUND", `container ${request.instanceName} not found`)
    if (!old.State.Running) {
      return yield* fail("FAILED_PRECONDITION", `container ${request.instanceName} is not running`)
    }
    const image = { imageName: request.imageName, tag: request.imageTag, instanceName: request.instanceName }
    const options = request.params === undefined || request.params === null
      ? { ...likeTheOld(old), Image: format({ repository: image.imageName, tag: image.tag || "latest" }) }
      : yield* createOptions({ ...request.params, ...image })
    yield* mustHaveImage(docker, options.Image ?? "")
    const replacing = replace(docker, old, request.instanceName, { ...options, name: request.instanceName })
    if (request.async === true) yield* Effect.forkDaemon(Effect.ignore(replacing))
    else yield* replacing
    return { updateOk: { instanceName: request.instanceName, isAsync: request.async === true } }
  })

const replace = (
  docker: Docker,
  old: ContainerInspectInfo,
  name: string,
  options: ContainerCreateOptions
): Effect.Effect<void, Refusal> =>
  Effect.gen(function*() {
    const before = docker.getContainer(old.Id)
    yield* halt(before, stopSeconds)
    yield* ask(() => before.rename({ name: `${name}-before-${old.Id.slice(0, 12)}` }))
    const restore = ({ details }: Refusal) =>
      Effect.gen(function*() {
        const failed = yield* find(docker, name)
        if (failed !== undefined) yield* ask(() => docker.getContainer(failed.Id).remove({ force: true }))
        yield* ask(() => before.rename({ name }))
        yield* ask(() => before.start())
        return yield* fail("INTERNAL", `update of ${name} failed: ${details}; restored`)
      }).pipe(
        Effect.catchIf(
          ({ code }) => code !== "INTERNAL",
          (refused) => fail("INTERNAL", `update of ${name} failed: ${details}; not restored: ${refused.details}`)
        )
      )
    yield* Effect.catchAll(createAndStart(docker, options), restore)
    yield* ask(() => before.remove({ force: true }))
  })

const createAndStart = (docker: Docker, options: ContainerCreateOptions): Effect.Effect<string, Refusal> =>
  Effect.gen(function*() {
    const container = yield* ask(() => docker.createContainer(options), { 409: "ALREADY_EXISTS" })
    yield* ask(() => container.start(), { 400: "INTERNAL", 404: "INTERNAL", 409: "INTERNAL" })
    const info = yield* ask(() => container.inspect())
    return nameOf(info)
  })

/** By its exact name; ids and prefixes of ids are no names. */
export const find = (docker: Docker, name: string): Effect.Effect<ContainerInspectInfo | undefined, Refusal> =>
  name === "" || name.startsWith("/")
    ? Effect.succeed(undefined)
    : Effect.map(
      askMaybe(() => docker.getContainer(name).inspect()),
      (info) => info !== undefined && nameOf(info) === name ? info : undefined
    )

const mustHaveImage = (docker: Docker, image: string): Effect.Effect<void, Refusal> =>
  Effect.flatMap(
    askMaybe(() => docker.getImage(image).inspect()),
    (found) => found === undefined ? fail("NOT_FOUND", `image ${image} not found`) : Effect.void
  )

/** A process that has ended meanwhile is as good as stopped: the engine answers 304 then. */
const halt = (container: Container, seconds: number): Effect.Effect<void, Refusal> =>
  Effect.asVoid(
    ask(() =>
      container.stop({ t: seconds }).catch((error: unknown) => {
        if ((error as { readonly statusCode?: number }).statusCode !== 304) throw error
      })
    )
  )

/** What the old container was made with, as far as the engine tells it. */
const likeTheOld = (old: ContainerInspectInfo): ContainerCreateOptions => ({
  Env: old.Config.Env,
  Labels: old.Config.Labels,
  HostConfig: {
    NetworkMode: old.HostConfig.NetworkMode ?? "host",
    PortBindings: old.HostConfig.PortBindings as object,
    Binds: old.HostConfig.Binds ?? [],
    RestartPolicy: { Name: old.HostConfig.RestartPolicy?.Name ?? "no" }
  }
})

export const filtersOf = (
  filters: ReadonlyArray<{ readonly key: string; readonly value: ReadonlyArray<string> }> = []
): Record<string, Array<string>> => Object.fromEntries(filters.map(({ key, value }) => [key, [...value]]))

const nameOf = (info: ContainerInspectInfo): string => info.Name.replace(/^\//, "")

/** By the engine's human string, as the reference server reads it; by its state where it has none. */
const statusOf = (text: string, state: string): ContainerStatusName => {
  const words = text === "" ? state : text
  if (/^(up|running)/i.test(words)) return "RUNNING"
  return /^exited/i.test(words) ? "STOPPED" : "UNSPECIFIED"
}

const fail = (code: Refusal["code"], details: string): Effect.Effect<never, Refusal> =>
  Effect.fail(refusal(code, details))
