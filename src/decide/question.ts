/** Questions that several parts of the step ask of memory. */
import type { ContainerSpec } from "../model/catalogue.ts"
import { format, type ImageRef, isNameless, same } from "../model/image.ts"
import { isUnlisted } from "./capable.ts"
import type { Cause } from "./durable.ts"
import { type Memory, type ProbeRecord, recordOf, targetVersion, type Watched, watchedOf } from "./memory.ts"

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
 * The image that a container should run: its repository at the DPU's version.
 * While that cannot be told, the version that it last ran under us.
 */
export const wantedImage = (memory: Memory, spec: ContainerSpec): ImageRef | undefined => {
  const version = targetVersion(memory)
    ?? (memory.target._tag === "Unreadable" ? memory.target.last : undefined)
    ?? recordOf(memory, spec.name).startedVersion
  return version === undefined || version === null ? undefined : { repository: spec.repository, tag: version }
}

/** True or false where both versions are known, undefined where one is not. */
export const versionMatches = (memory: Memory, spec: ContainerSpec): boolean | undefined => {
  const target = targetVersion(memory)
  const { sighting } = watchedOf(memory, spec.name)
  if (target === undefined || sighting._tag !== "Running" || sighting.version === undefined) return undefined
  if (sighting.version !== target) return false
  // The version may come from a label; then the repository alone can be compared, if it is told.
  return isNameless(sighting.image) ||
    same({ ...sighting.image, tag: target }, { repository: spec.repository, tag: target })
}

/** Whether a service's probes say that it is past helping itself. */
export const isUnhealthy = (memory: Memory, spec: ContainerSpec, mono: number): boolean => {
  const at = unhealthyAt(memory, spec)
  return at !== undefined && mono >= at
}

/**
 * When a service whose probes fail will count as unhealthy: after enough bad
 * probes, bad for long enough, and either healthy once or past its grace.
 */
export const unhealthyAt = (memory: Memory, spec: ContainerSpec): number | undefined => {
  const { health } = memory.policy
  const { probe, since } = watchedOf(memory, spec.name)
  if (probe.failures < health.failures || probe.badSince === undefined) return undefined
  const badLongEnough = probe.badSince + (health.unhealthyForService[spec.service] ?? health.unhealthyFor)
  if (probe.everHealthy) return badLongEnough
  const startedAt = recordOf(memory, spec.name).startedAt ?? since?.mono ?? probe.badSince
  return Math.max(badLongEnough, startedAt + health.grace)
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
export const restartCause = (memory: Memory, spec: ContainerSpec, mono: number): Cause | undefined => {
  if (versionMatches(memory, spec) === false) return "WrongVersion"
  return isUnhealthy(memory, spec, mono) ? "Unhealthy" : undefined
}

/**
 * The first service that this one comes after and that does not answer, with a
 * clause that says so; undefined where the way is free. For a switch of version
 * the service before must have been switched first.
 */
export const blockingDependency = (memory: Memory, spec: ContainerSpec): string | undefined => {
  const switching = versionMatches(memory, spec) === false
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
      return `${dependency.name} does not answer its probe${
        watched.probe.reason === undefined ? " yet" : ` (${watched.probe.reason})`
      }`
    }
    if (switching && versionMatches(memory, dependency) === false) return `${dependency.name} has to be switched first`
  }
  return undefined
}

/** Whether the NPU holds an image; undefined where it has not been asked. */
export const isHeld = (memory: Memory, image: ImageRef): boolean | undefined => memory.images.held[format(image)]
