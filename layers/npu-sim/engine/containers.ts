/** List, start, stop, remove: the calls on containers and their statuses. */
import * as Either from "effect/Either"

import { format, type ImageRef } from "../../../src/model/image.ts"
import type {
  ContainerStatusName,
  Filter,
  InBandStatus,
  ListContainerRequest,
  ListContainerResponse,
  LogRequest,
  RemoveContainerRequest,
  StartContainerRequest,
  StartContainerResponse,
  StopContainerRequest
} from "../../../src/npu/messages.ts"
import { type Container, type Core, type Image, nextId } from "./core.ts"
import { find, hasLabel, shownName } from "./images.ts"
import { behaviourOf, drop, exit, run, say } from "./lifecycle.ts"
import { type Answer, Later, refuse, type Reply } from "./reply.ts"
import { splitWords } from "./split-words.ts"
import { ensure } from "./volumes.ts"

const noLabels: Readonly<Record<string, string>> = {}

export const list = (core: Core, request: ListContainerRequest): Answer<ReadonlyArray<ListContainerResponse>> => {
  const rows: Array<ListContainerResponse> = []
  if (core.faults.emptyLists > 0) {
    core.faults.emptyLists--
    return Either.right(rows)
  }
  for (const container of core.containers.values()) {
    const unspecified = core.faults.unspecified.has(container.name)
    if (request.all !== true && (container.state !== "running" || unspecified)) continue
    if (request.filter !== undefined && !request.filter.every((filter) => matches(container, filter))) continue
    const labels = core.options.quirks.listsLabels ? container.request.labels ?? noLabels : noLabels
    rows.push(rowOf(container, unspecified ? "UNSPECIFIED" : statusOf(container), labels))
    if (request.limit !== undefined && request.limit > 0 && rows.length >= request.limit) break
  }
  return Either.right(rows)
}

/** The row that each container was last shown by: most lists show nothing new. */
const lastRows = new WeakMap<Container, ListContainerResponse>()

const rowOf = (
  container: Container,
  status: ListContainerResponse["status"],
  labels: Readonly<Record<string, string>>
): ListContainerResponse => {
  const { id, imageName, name } = container
  const last = lastRows.get(container)
  if (
    last !== undefined && last.status === status && last.imageName === imageName && last.id === id
    && last.labels === labels && last.name.slice(1) === name
  ) return last
  const row: ListContainerResponse = { id, name: `/${name}`, imageName, status, labels, hash: null }
  lastRows.set(container, row)
  return row
}

/** What `start` would refuse, without starting anything. */
export const checkStart = (core: Core, request: StartContainerRequest): Answer<Image> => {
  const ref = refOf(request)
  if (request.instanceName !== "" && !namePattern.test(request.instanceName)) {
    return refuse("INVALID_ARGUMENT", `invalid container name ${JSON.stringify(request.instanceName)}`)
  }
  if (splitWords(request.cmd ?? "") === undefined) {
    return refuse("INVALID_ARGUMENT", `cannot parse command ${request.cmd}`)
  }
  const policy = request.restart?.policy
  if (policy !== undefined && !policies.has(policy)) {
    return refuse("FAILED_PRECONDITION", `invalid restart policy ${String(policy)}`)
  }
  if (request.runAs !== undefined && request.runAs !== null && request.runAs.user === "") {
    return refuse("FAILED_PRECONDITION", "run_as without a user")
  }
  const image = find(core, ref)
  if (image === undefined) return refuse("NOT_FOUND", `image ${format(ref)} not found`)
  const holder = core.containers.get(request.instanceName)
  if (holder?.updating === true) return refuse("UNAVAILABLE", `${holder.name}: an update is in progress`)
  if (holder !== undefined) {
    return refuse(
      holder.state === "running" ? "ALREADY_EXISTS" : core.options.quirks.startOverLeftover,
      `container ${holder.name} exists (${holder.state})`
    )
  }
  const taken = takenPort(core, request)
  return taken === undefined ? Either.right(image) : refuse("UNAVAILABLE", `port used: ${taken}`)
}

export const start = (core: Core, request: StartContainerRequest): Answer<StartContainerResponse> => {
  const checked = checkStart(core, request)
  if (Either.isLeft(checked)) return Either.left(checked.left)
  const container = create(core, request, checked.right)
  if (checked.right.behaviour.badCommand) {
    return refuse("INTERNAL", `cannot start ${container.name}: exec: no such file or directory`)
  }
  run(core, container)
  return Either.right({ startOk: { instanceName: container.name } })
}

/** Without force the process takes its time, and may never go. */
export const stop = (core: Core, request: StopContainerRequest): Reply<InBandStatus> => {
  const container = core.containers.get(request.instanceName)
  if (container === undefined || container.state !== "running") {
    return refuse("NOT_FOUND", `container ${request.instanceName} is not running`)
  }
  if (container.updating) return refuse("UNAVAILABLE", `${container.name}: an update is in progress`)
  const gone = beginStop(core, container, request.force === true)
  const reply = new Later<InBandStatus>()
  gone.onSettled((answer) => reply.settle(Either.map(answer, () => ({}))))
  return request.force === true ? Either.right({}) : reply
}

export const remove = (core: Core, request: RemoveContainerRequest): Answer<InBandStatus> => {
  if (request.name.startsWith("/")) {
    return refuse("INVALID_ARGUMENT", `invalid container name ${JSON.stringify(request.name)}`)
  }
  const container = core.containers.get(request.name)
  if (container === undefined) return refuse("NOT_FOUND", `container ${request.name} not found`)
  if (container.updating) return refuse("UNAVAILABLE", `${container.name}: an update is in progress`)
  if (container.state === "running" && request.force !== true) {
    return refuse("FAILED_PRECONDITION", `container ${request.name} is running`)
  }
  drop(core, container)
  return Either.right({})
}

/** What the container has said so far; the reference server calls an unknown one UNKNOWN. */
export const logOf = (core: Core, request: LogRequest): Answer<Container> => {
  const container = core.containers.get(request.instanceName)
  return container === undefined
    ? refuse("UNKNOWN", `no such container: ${request.instanceName}`)
    : Either.right(container)
}

/** Ends the process, now or after its time; settles when it is gone. */
export const beginStop = (core: Core, container: Container, force: boolean): Later<void> => {
  const gone = container.stopping ?? new Later<void>()
  container.stopping = gone
  if (container.awaitingRestart || force) exit(core, container, force ? 137 : 0)
  else if (container.timers.stop === undefined && !behaviourOf(core, container).ignoresStop) {
    say(core, container, "received SIGTERM")
    container.timers.stop = core.timers.set(core.time + core.options.stopMillis, () => exit(core, container, 0))
  }
  return gone
}

export const create = (core: Core, request: StartContainerRequest, image: Image): Container => {
  const id = nextId(core)
  const name = request.instanceName === "" ? `container-${core.counter}` : request.instanceName
  const ref = refOf(request)
  const container: Container = {
    id,
    name,
    request,
    imageId: image.id,
    image: ref,
    imageName: shownName(core, { image: ref, imageId: image.id }),
    state: "created",
    awaitingRestart: false,
    createdAt: core.time,
    startedAt: undefined,
    finishedAt: undefined,
    exitCode: undefined,
    restarts: 0,
    probe: undefined,
    stopping: undefined,
    updating: false,
    log: [],
    timers: { life: undefined, stop: undefined, restart: undefined }
  }
  core.containers.set(name, container)
  for (const volume of request.volumes ?? []) ensure(core, volume.name)
  return container
}

/** Ports that the container takes on the host: published ones and the one it serves. */
export const portsOf = (core: Core, request: StartContainerRequest): ReadonlyArray<number> => {
  const served = core.options.listensOn?.(request.instanceName)
  const published = (request.ports ?? []).map((port) => port.external)
  return served === undefined || published.includes(served) ? published : [...published, served]
}

/** A port that the request wants and something else holds. */
export const takenPort = (core: Core, request: StartContainerRequest): number | undefined => {
  const wanted = portsOf(core, request)
  if (wanted.length === 0) return undefined
  const blocked = wanted.find((port) => core.blockedPorts.has(port))
  if (blocked !== undefined) return blocked
  for (const other of core.containers.values()) {
    if (other.state !== "running" || other.name === request.instanceName) continue
    const held = portsOf(core, other.request)
    const clash = wanted.find((port) => held.includes(port))
    if (clash !== undefined) return clash
  }
  return undefined
}

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/

const policies = new Set<string>(["NONE", "ALWAYS", "UNLESS_STOPPED", "ON_FAILURE"])

const refOf = (request: StartContainerRequest): ImageRef => ({
  repository: request.imageName,
  tag: request.tag === "" ? "latest" : request.tag
})

/** "Up …" reads RUNNING, "Exited …" STOPPED, anything else UNSPECIFIED. */
const statusOf = (container: Container): ContainerStatusName => {
  switch (container.state) {
    case "running":
      return "RUNNING"
    case "exited":
      return "STOPPED"
    case "created":
      return "UNSPECIFIED"
  }
}

const matches = (container: Container, filter: Filter): boolean => {
  switch (filter.key) {
    case "name":
      return filter.value.some((value) => `/${container.name}`.includes(value))
    case "id":
      return filter.value.some((value) => container.id.startsWith(value))
    case "label":
      return filter.value.every((value) => hasLabel(container.request.labels ?? noLabels, value))
    case "status":
      return filter.value.includes(container.state)
    case "ancestor":
      return filter.value.some((value) => value === container.imageName || value === container.imageId)
    default:
      return false
  }
}
