/** Questions that several parts of the step ask of memory. */
import type { ContainerSpec } from "../model/catalogue.ts"
import { format, type ImageRef, isNameless, same } from "../model/image.ts"
import type { Sighting } from "../model/look.ts"
import { isUnlisted } from "./capable.ts"
import {
  assignedImage,
  assignedImages,
  type Memory,
  type ProbeRecord,
  recordOf,
  targetVersion,
  type Watched,
  watchedOf
} from "./memory.ts"

/**
 * Whether the sighting was begun after our last action on the container ended.
 * Equal counts: the end is dated when it was heard of, which is after it was.
 */
export const isFresh = (watched: Watched): boolean =>
  watched.lookBegun !== undefined && watched.lookBegun >= watched.lastActionEnd

/** Servers shorten ids; a server that tells none tells of no other instance either. */
export const sameId = (id: string, known: string | null): boolean =>
  known === null || id === "" || id === known || (id.length >= 12 && (id.startsWith(known) || known.startsWith(id)))

/**
 * The image that a container should run now. What it was assigned, once it ran
 * under us; only an upgrade changes that. Before, its repository at the DPU's
 * version, or at the last one that could be told; where that is in quarantine, at
 * the one version that the others were assigned, if it is one.
 */
export const wantedImage = (memory: Memory, spec: ContainerSpec): ImageRef | undefined => {
  const assigned = assignedImage(memory, spec.name)
  if (assigned !== undefined) return assigned
  const target = targetVersion(memory) ?? (memory.target._tag === "Unreadable" ? memory.target.last : undefined)
  const version = target !== undefined && isQuarantined(memory, target)
    ? theOthersVersion(memory)
    : target ?? recordOf(memory, spec.name).startedVersion
  return version === undefined || version === null ? undefined : { repository: spec.repository, tag: version }
}

/** Whether no upgrade to this version begins by itself; what an operator ordered does. */
export const isPaused = ({ durable }: Memory, version: string): boolean => durable.paused && durable.ordered !== version

export const isQuarantined = (memory: Memory, version: string): boolean =>
  memory.durable.quarantine.some((entry) => entry.version === version)

/** The one version that services were assigned; undefined where there is none, or several. */
const theOthersVersion = (memory: Memory): string | undefined => {
  const [version, ...further] = new Set(assignedImages(memory).map(({ tag }) => tag))
  return further.length === 0 ? version : undefined
}

/** Whether it runs the version that the DPU asks for; undefined where either is not known. */
export const versionMatches = (memory: Memory, spec: ContainerSpec): boolean | undefined => {
  const target = targetVersion(memory)
  return target === undefined
    ? undefined
    : runs(watchedOf(memory, spec.name).sighting, { repository: spec.repository, tag: target })
}

/** Whether it runs what it was assigned; undefined where either is not known. */
export const runsAssigned = (memory: Memory, spec: ContainerSpec): boolean | undefined => {
  const assigned = assignedImage(memory, spec.name)
  return assigned === undefined ? undefined : runs(watchedOf(memory, spec.name).sighting, assigned)
}

const runs = (sighting: Sighting, image: ImageRef): boolean | undefined => {
  if (sighting._tag !== "Running" || sighting.version === undefined) return undefined
  if (sighting.version !== image.tag) return false
  // The version may come from a label; then the repository alone can be compared, if it is told.
  return isNameless(sighting.image) || same({ ...sighting.image, tag: image.tag }, image)
}

/**
 * Whether a service's probes say that it is past helping itself: enough bad ones,
 * bad for long enough, and either healthy once or past its grace. It is judged at
 * the end of the last bad one: behind a slow disk a good one may wait to be heard.
 */
const isUnhealthy = (memory: Memory, spec: ContainerSpec): boolean => {
  const { health } = memory.policy
  const { probe, since } = watchedOf(memory, spec.name)
  const { badSince, badUntil } = probe
  if (probe.failures < health.failures || badSince === undefined || badUntil === undefined) return false
  const badLongEnough = badSince + (health.unhealthyForService[spec.service] ?? health.unhealthyFor)
  if (probe.everHealthy) return badUntil >= badLongEnough
  const startedAt = recordOf(memory, spec.name).startedAt ?? since?.mono ?? badSince
  return badUntil >= Math.max(badLongEnough, startedAt + health.grace)
}

/** What `Healthy` is at this moment. */
export const healthOf = (memory: Memory, spec: ContainerSpec): "True" | "False" | "Unknown" => {
  const { probe, sighting } = watchedOf(memory, spec.name)
  const unlisted = sighting._tag === "Unknown" && isUnlisted(memory) && spec.probe !== undefined
  if (sighting._tag !== "Running" && !unlisted) return sighting._tag === "Unknown" ? "Unknown" : "False"
  if (spec.probe === undefined) return "True"
  return answers(probe) ? "True" : probe.failures >= memory.policy.health.failures ? "False" : "Unknown"
}

const answers = (probe: ProbeRecord): boolean => probe.healthy === true && probe.unsettled === undefined

/** Why a running container must be restarted, or undefined where it need not. */
export const restartCause = (memory: Memory, spec: ContainerSpec): "WrongVersion" | "Unhealthy" | undefined => {
  if (runsAssigned(memory, spec) === false) return "WrongVersion"
  return isUnhealthy(memory, spec) ? "Unhealthy" : undefined
}

/**
 * The first service that this one comes after and that does not answer, with a
 * clause that says so; undefined where the way is free. For a switch of version
 * the service before must have been switched first.
 */
export const blockingDependency = (memory: Memory, spec: ContainerSpec): string | undefined => {
  const switching = runsAssigned(memory, spec) === false
  for (const service of spec.after) {
    const dependency = memory.specs.find((candidate) => candidate.service === service)
    if (dependency === undefined) continue
    const watched = watchedOf(memory, dependency.name)
    if (recordOf(memory, dependency.name).desired === "stopped" && watched.sighting._tag !== "Running") {
      return `${dependency.name} was stopped by an operator`
    }
    if (watched.inFlight !== undefined || !isFresh(watched) || watched.sighting._tag !== "Running") {
      return `${dependency.name} does not run yet`
    }
    if (dependency.probe !== undefined && !answers(watched.probe)) {
      return `${dependency.name} does not answer its probe${silenceOf(watched.probe)}`
    }
    if (switching && runsAssigned(memory, dependency) === false) return `${dependency.name} has to be switched first`
  }
  return undefined
}

/** What to add to a clause that says that a service does not answer: how, as far as it is known. */
export const silenceOf = ({ reason }: ProbeRecord): string => reason === undefined ? " yet" : ` (${reason})`

/** The first service that this one comes after and that an operator stopped, with a clause that says so. */
export const blockingIntent = (memory: Memory, spec: ContainerSpec): string | undefined => {
  if (recordOf(memory, spec.name).desired === "stopped") return undefined
  const stopped = spec.after.flatMap((service) => memory.specs.filter((other) => other.service === service))
    .find(({ name }) => recordOf(memory, name).desired === "stopped")
  return stopped === undefined ? undefined : `${stopped.name} was stopped by an operator`
}

/** Whether the NPU holds an image; undefined where it has not been asked. */
export const isHeld = (memory: Memory, image: ImageRef): boolean | undefined => memory.images.held[format(image)]
