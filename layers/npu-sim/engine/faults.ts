/** What an administrator, another tenant or bad luck does to the NPU. */
import { format, type ImageRef } from "../../../src/model/image.ts"
import { type Behaviour, type ProbeMode } from "./behaviour.ts"
import { beginStop, create, takenPort } from "./containers.ts"
import type { Container, Core } from "./core.ts"
import { emit } from "./core.ts"
import { abort } from "./deploy.ts"
import { find, freeBytes, refreshNames, removeDangling } from "./images.ts"
import { drop, exit, isAlive, run, say } from "./lifecycle.ts"
import { type Answer, done, refuse } from "./reply.ts"

/** The process dies; the container stays as a leftover, or its restart policy brings it back. */
export const crash = (core: Core, name: string, exitCode = 139): Answer<void> =>
  withContainer(core, name, (container) => {
    if (!isAlive(container)) return refuse("FAILED_PRECONDITION", `${name} is not running`)
    say(core, container, `terminated with exit code ${exitCode}`)
    exit(core, container, exitCode)
    return done
  })

/** The container is gone without a trace. */
export const vanish = (core: Core, name: string): Answer<void> =>
  withContainer(core, name, (container) => {
    drop(core, container)
    return done
  })

/** How the container's port answers, whatever its image says; `ok` ends that. */
export const probe = (core: Core, name: string, mode: ProbeMode): Answer<void> =>
  withContainer(core, name, (container) => {
    container.probe = mode
    emit(core, "ProbeChanged", container)
    return done
  })

/** How containers of the image behave from their next start on. */
export const setBehaviour = (core: Core, ref: ImageRef, behaviour: Behaviour): Answer<void> => {
  const image = find(core, ref)
  if (image === undefined) return refuse("NOT_FOUND", `image ${format(ref)} not found`)
  image.behaviour = behaviour
  for (const container of core.containers.values()) {
    if (container.imageId === image.id) emit(core, "ProbeChanged", container)
  }
  return done
}

/** The image is gone, in use or not; its containers go on. */
export const vanishImage = (core: Core, ref: ImageRef): Answer<void> => {
  const image = find(core, ref)
  if (image === undefined) return refuse("NOT_FOUND", `image ${format(ref)} not found`)
  core.images.delete(image.id)
  refreshNames(core)
  return done
}

/** What servers do once a day: stopped and created containers go, and images without a name. */
export const prune = (core: Core): void => {
  for (const container of Array.from(core.containers.values())) {
    if (container.state !== "running" && !container.updating) drop(core, container)
  }
  removeDangling(core)
}

/** Somebody else stops the container, properly. */
export const foreignStop = (core: Core, name: string): Answer<void> =>
  withContainer(core, name, (container) => {
    if (container.state !== "running") return refuse("FAILED_PRECONDITION", `${name} is not running`)
    beginStop(core, container, true)
    return done
  })

/** Somebody else puts a container of another image in its place. */
export const foreignReplace = (core: Core, name: string, ref: ImageRef): Answer<void> =>
  withContainer(core, name, (old) => {
    const image = find(core, ref)
    if (image === undefined) return refuse("NOT_FOUND", `image ${format(ref)} not found`)
    const taken = takenPort(core, old.request)
    if (taken !== undefined) return refuse("UNAVAILABLE", `port used: ${taken}`)
    drop(core, old)
    run(core, create(core, { ...old.request, imageName: ref.repository, tag: ref.tag, labels: {} }, image))
    return done
  })

/** The NPU starts anew: images and volumes stay; containers are gone, or left stopped. */
export const reboot = (core: Core, containers: "gone" | "stopped" = "gone"): void => {
  core.boots++
  for (const transfer of Array.from(core.transfers)) abort(core, transfer)
  for (const container of Array.from(core.containers.values())) {
    if (containers === "gone") drop(core, container)
    else if (container.state === "running") beginStop(core, container, true)
  }
}

/** So many lists of containers come empty, complete and with OK. */
export const emptyLists = (core: Core, count: number): void => {
  core.faults.emptyLists = count
}

/** Lists show the container as UNSPECIFIED, and running ones omit it. */
export const unspecified = (core: Core, name: string, on: boolean): void => {
  if (on) core.faults.unspecified.add(name)
  else core.faults.unspecified.delete(name)
}

/** Something else takes the disk, but for `left` bytes. */
export const fillDisk = (core: Core, left = 0): void => {
  core.disk.filler += Math.max(0, freeBytes(core) - left)
}

/** Whatever else was on the disk is gone. */
export const clearDisk = (core: Core): void => {
  core.disk.filler = 0
}

/** The disk's size from now on, bytes; what is on it stays. */
export const setDisk = (core: Core, bytes: number): void => {
  core.disk.capacity = bytes
}

/** Something that is no container takes the port, or gives it back. */
export const blockPort = (core: Core, port: number, on: boolean): void => {
  if (on) core.blockedPorts.add(port)
  else core.blockedPorts.delete(port)
}

/** So many archives arrive damaged: INTERNAL, nothing loaded. */
export const corruptDeploys = (core: Core, count: number): void => {
  core.faults.corruptDeploys = count
}

/** So many deploys are called a success, and nothing is loaded. */
export const loseDeploys = (core: Core, count: number): void => {
  core.faults.lostDeploys = count
}

const withContainer = (core: Core, name: string, act: (container: Container) => Answer<void>): Answer<void> => {
  const container = core.containers.get(name)
  return container === undefined ? refuse("NOT_FOUND", `there is no container ${name}`) : act(container)
}
