/**
 * A stand-in for an NPU's container engine, in memory: images, containers,
 * volumes, room on the disk, and time that comes in from outside.
 *
 * Every operation is synchronous, first lets happen what was due before it, and
 * answers with the statuses that gNOI Containerz specifies (`asReference` has
 * those of the reference server). Nothing in here reads a clock or draws a
 * random number: the same calls at the same times give the same answers.
 */
import * as Either from "effect/Either"

import type { ImageRef } from "../../../src/model/image.ts"
import type { ImageTransfer, StreamMethods, UnaryMethods } from "../../../src/npu/messages.ts"
import type { Behaviour, ProbeMode } from "./behaviour.ts"
import * as containers from "./containers.ts"
import type { ArchiveDescription, Container, Core, EngineEvent, EngineOptions, Transfer } from "./core.ts"
import { makeCore } from "./core.ts"
import * as deploys from "./deploy.ts"
import * as faults from "./faults.ts"
import * as images from "./images.ts"
import { inspect, type Inspection } from "./inspect.ts"
import { isAlive, probeModeOf } from "./lifecycle.ts"
import { type Answer, type Refusal, refuse, type Reply } from "./reply.ts"
import { update } from "./update.ts"
import * as volumes from "./volumes.ts"

export type EngineUnaryMethod = keyof UnaryMethods
export type EngineListMethod = "ListContainer" | "ListImage" | "ListVolume"

export class Engine {
  private readonly core: Core
  private settling = false

  constructor(options: EngineOptions) {
    this.core = makeCore(options)
    const every = options.pruneEveryMillis
    if (every !== undefined) this.pruneEvery(every)
  }

  // ------------------------------------------------------------- the calls

  unary<M extends EngineUnaryMethod>(
    method: M,
    request: UnaryMethods[M]["request"]
  ): Reply<UnaryMethods[M]["response"]> {
    this.settle()
    return unaryCalls[method](this.core, request)
  }

  /** A whole list, in order of creation. */
  collect<M extends EngineListMethod>(
    method: M,
    request: StreamMethods[M]["request"]
  ): Answer<ReadonlyArray<StreamMethods[M]["response"]>> {
    this.settle()
    return lists[method](this.core, request)
  }

  /** The container whose log is asked for; its `log` is what it said so far. Unknown: UNKNOWN. */
  log(instanceName: string): Answer<Container> {
    this.settle()
    return containers.logOf(this.core, { instanceName })
  }

  /** Whether a start would be refused, and how; starts nothing. */
  checkStart(request: UnaryMethods["StartContainer"]["request"]): Answer<void> {
    this.settle()
    return Either.map(containers.checkStart(this.core, request), () => undefined)
  }

  /** RESOURCE_EXHAUSTED where `imageSize` is beyond what is free. */
  beginDeploy(request: ImageTransfer): Answer<Transfer> {
    this.settle()
    return deploys.begin(this.core, request)
  }

  /** Counts so many more bytes: INVALID_ARGUMENT beyond the size announced. */
  receive(transfer: Transfer, bytes: number): Answer<void> {
    this.settle()
    return deploys.receive(this.core, transfer, bytes)
  }

  /** Loads what came; `archive` is `undefined` where it could not be read: INTERNAL. */
  finishDeploy(transfer: Transfer, archive: ArchiveDescription | undefined): Reply<deploys.DeploySuccess> {
    this.settle()
    return deploys.finish(this.core, transfer, archive)
  }

  /** Gives back the room of a transfer that will not end. */
  abortDeploy(transfer: Transfer): void {
    this.settle()
    deploys.abort(this.core, transfer)
  }

  /** Images are there that no call brought: from before, or by another hand. RESOURCE_EXHAUSTED where they find no room. */
  preload(archive: ArchiveDescription): Answer<void> {
    this.settle()
    return deploys.preload(this.core, archive)
  }

  // ------------------------------------------------------------- time

  /** Lets happen what is due by now: crashes, ends of stops, restarts by policy. */
  settle(): void {
    // A listener may call back in while timers run.
    if (this.settling) return
    const { core } = this
    const now = core.options.now()
    if (core.timers.next() <= now) {
      this.settling = true
      try {
        for (let timer = core.timers.takeDue(now); timer !== undefined; timer = core.timers.takeDue(now)) {
          core.time = Math.max(core.time, timer.at)
          timer.action()
        }
      } finally {
        this.settling = false
      }
    }
    core.time = Math.max(core.time, now)
  }

  /** When the engine will next do something by itself, ms; Infinity for never. */
  nextDue(): number {
    return this.core.timers.next()
  }

  /** Hears of everything that happens to containers, synchronously; returns how to stop listening. */
  subscribe(listener: (event: EngineEvent) => void): () => void {
    this.core.listeners.add(listener)
    return () => this.core.listeners.delete(listener)
  }

  // ------------------------------------------------------------- looking in

  /** Everything, as plain JSON. */
  inspect(): Inspection {
    this.settle()
    return inspect(this.core)
  }

  container(name: string): Container | undefined {
    this.settle()
    return this.core.containers.get(name)
  }

  freeBytes(): number {
    this.settle()
    return images.freeBytes(this.core)
  }

  /** How the port of this container answers now: `refuse` where no process is there. */
  probeMode(name: string): ProbeMode {
    this.settle()
    const container = this.core.containers.get(name)
    return container === undefined ? "refuse" : probeModeOf(this.core, container)
  }

  /** How a port of the host answers now: `refuse` where no container serves it. */
  probePort(port: number): ProbeMode {
    this.settle()
    for (const container of this.core.containers.values()) {
      if (isAlive(container) && containers.portsOf(this.core, container.request).includes(port)) {
        return probeModeOf(this.core, container)
      }
    }
    return "refuse"
  }

  // ------------------------------------------------------------- faults

  crash(name: string, exitCode?: number): Answer<void> {
    this.settle()
    return faults.crash(this.core, name, exitCode)
  }
  vanish(name: string): Answer<void> {
    this.settle()
    return faults.vanish(this.core, name)
  }
  probe(name: string, mode: ProbeMode): Answer<void> {
    this.settle()
    return faults.probe(this.core, name, mode)
  }
  setBehaviour(image: ImageRef, behaviour: Behaviour): Answer<void> {
    this.settle()
    return faults.setBehaviour(this.core, image, behaviour)
  }
  vanishImage(image: ImageRef): Answer<void> {
    this.settle()
    return faults.vanishImage(this.core, image)
  }
  /** All stopped and created containers go, and images without a name. */
  prune(): void {
    this.settle()
    faults.prune(this.core)
  }
  foreignStop(name: string): Answer<void> {
    this.settle()
    return faults.foreignStop(this.core, name)
  }
  foreignReplace(name: string, image: ImageRef): Answer<void> {
    this.settle()
    return faults.foreignReplace(this.core, name, image)
  }
  reboot(left: "gone" | "stopped" = "gone"): void {
    this.settle()
    faults.reboot(this.core, left)
  }
  emptyLists(count: number): void {
    faults.emptyLists(this.core, count)
  }
  unspecified(name: string, on: boolean): void {
    faults.unspecified(this.core, name, on)
  }
  fillDisk(left?: number): void {
    this.settle()
    faults.fillDisk(this.core, left)
  }
  clearDisk(): void {
    faults.clearDisk(this.core)
  }
  setDisk(bytes: number): void {
    faults.setDisk(this.core, bytes)
  }
  blockPort(port: number, on: boolean): void {
    faults.blockPort(this.core, port, on)
  }
  corruptDeploys(count: number): void {
    faults.corruptDeploys(this.core, count)
  }
  loseDeploys(count: number): void {
    faults.loseDeploys(this.core, count)
  }

  private pruneEvery(millis: number): void {
    this.core.timers.set(this.core.time + millis, () => {
      faults.prune(this.core)
      this.pruneEvery(millis)
    })
  }
}

const unaryCalls: {
  readonly [M in EngineUnaryMethod]: (
    core: Core,
    request: UnaryMethods[M]["request"]
  ) => Reply<UnaryMethods[M]["response"]>
} = {
  StartContainer: containers.start,
  StopContainer: containers.stop,
  RemoveContainer: containers.remove,
  UpdateContainer: update,
  RemoveImage: images.remove,
  CreateVolume: volumes.create,
  RemoveVolume: volumes.remove,
  Time: (core) => Either.right({ time: (BigInt(Math.floor(core.time)) * 1_000_000n).toString() }),
  Verify: (core) => Either.right({ version: core.options.osVersion ?? "SONiC-OS-npu-sim", activationFailMessage: "" }),
  Start: () => unknownMethod("Start"),
  Stop: () => unknownMethod("Stop"),
  Remove: () => unknownMethod("Remove")
}

/** What a server answers to a name that it does not have. */
export const unknownMethod = (name: string): Either.Either<never, Refusal> =>
  refuse("UNIMPLEMENTED", `unknown method ${name} for service gnoi.containerz.Containerz`)

const lists: {
  readonly [M in EngineListMethod]: (
    core: Core,
    request: StreamMethods[M]["request"]
  ) => Answer<ReadonlyArray<StreamMethods[M]["response"]>>
} = {
  ListContainer: containers.list,
  ListImage: images.list,
  ListVolume: volumes.list
}
