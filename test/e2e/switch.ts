/**
 * What tests of whole processes share: where the binaries are, what lists mean,
 * and the guard over other people's containers.
 */
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"

import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

import {
  type Contents,
  type Lab,
  makeLab,
  packImages,
  setVersion,
  startDaemon,
  startNpuSim,
  until,
  Waited
} from "../../bin/lab.ts"
import * as Gnoi from "../../layers/gnoi/wire.ts"
import * as ImageFolder from "../../layers/images/folder.ts"
import { packTo } from "../../layers/images/pack.ts"
import { startPodman } from "../../layers/lab/podman.ts"
import { administer } from "../../layers/npu-sim/admin/client.ts"
import { type JournalCall, read } from "../../layers/npu-sim/journal.ts"
import type { ContainerList, ContainerView } from "../../src/control/views.ts"
import { ImageSource } from "../../src/npu/image-source.ts"
import * as Npu from "../../src/npu/npu.ts"
import { Wire } from "../../src/npu/wire.ts"

export const dist = resolve(import.meta.dirname, "../../dist")

/**
 * A lab whose test fails, whatever else it shows, where its NPU ever received a
 * call that names a container other than this DPU's.
 */
export const makeSwitch = Effect.gen(function*() {
  const lab = yield* makeLab(dist)
  yield* Effect.addFinalizer(() => Effect.sync(() => assert.deepStrictEqual(trespasses(lab), [])))
  return lab
})

/** Such a lab whose DPU has this version and its archives. */
export const makeSwitchAt = (version: string, contents?: Contents) =>
  Effect.gen(function*() {
    const lab = yield* makeSwitch
    yield* packImages(lab, version, contents)
    yield* setVersion(lab, version)
    return lab
  })

/** The same with an NPU in memory, on which the daemon has brought up all three services. */
export const makeRunningSwitch = (version: string) =>
  Effect.gen(function*() {
    const lab = yield* makeSwitchAt(version)
    const npu = yield* startNpuSim(lab)
    const daemon = yield* startDaemon(lab, npu.endpoint)
    yield* until(lab, "three running", allRunning)
    return { lab, npu, daemon }
  })

/** The same with an NPU on podman, and no daemon yet. */
export const makePodmanSwitch = (version: string, contents: Contents) =>
  Effect.gen(function*() {
    const lab = yield* makeSwitchAt(version, contents)
    const podman = yield* startPodman(lab.folder)
    const npu = yield* startNpuSim(lab, ["--engine", "docker", "--docker-socket", podman.socket])
    return { lab, npu, podman }
  })

export const allRunning = (list: { readonly containers: ReadonlyArray<ContainerView> }): boolean =>
  list.containers.every(({ desired, state }) => desired === "running" ? state === "Running" : state !== "Running")

export const byName = (list: ContainerList, name: string): ContainerView =>
  list.containers.find((one) => one.name === name)!

/** Brings about a fault on npu-sim. */
export const fault = (lab: Lab, verb: string, args: Readonly<Record<string, string | number>> = {}) =>
  Effect.tryPromise({
    try: () => administer(lab.admin, verb, args),
    catch: (error) => new Waited({ message: String(error) })
  })

/** The mutating calls that npu-sim received. */
export const calls = (lab: Lab): ReadonlyArray<JournalCall> => read(lab.journal)

/** Other DPUs' containers and the switch's own, as `runForeign` starts them. */
const foreign = ["bgp", "swss", "databasedpu1", "gnmidpu7"]

/** Calls that named somebody else's container, other than the first start of each by `runForeign`. */
const trespasses = (lab: Lab): ReadonlyArray<JournalCall> => {
  const ours = new Set(lab.containers.map(({ name }) => name))
  const toStart = new Set(foreign)
  return existsSync(lab.journal)
    ? calls(lab).filter(({ method, subject }) =>
      method.endsWith("Container") && !ours.has(subject)
      && !(method === "StartContainer" && toStart.delete(subject))
    )
    : []
}

/** Starts somebody else's containers beside ours; returns how many. */
export const runForeign = (lab: Lab, endpoint: string) =>
  Effect.gen(function*() {
    const [host = "", port = ""] = endpoint.split(":")
    const wire = yield* Gnoi.make({ host, port: Number(port) })
    const npu = yield* Effect.provide(Npu.Npu, Npu.layer.pipe(Layer.provide(Layer.succeed(Wire, wire))))
    const images = yield* Effect.provide(ImageSource, ImageFolder.layerFolder({ directory: lab.images }))
    const path = join(lab.folder, "docker-fpm-frr.tar")
    yield* packTo(path, { names: ["docker-fpm-frr:1"], files: { "/frr": "frr" }, cmd: ["/frr"] })
    const archive = yield* images.open(path)
    yield* npu.deploy(archive, () => undefined)
    for (const name of foreign) {
      yield* npu.start({ ...lab.containers[0]!, name, ports: [], environment: {}, volumes: [] }, archive.image)
    }
    return foreign.length
  })
