/** The simulated world: one NPU with its engine, and the DPUs on it. */
import * as Either from "effect/Either"

import { type ContainerSpec, resolve } from "../../src/model/catalogue.ts"
import { format } from "../../src/model/image.ts"
import { Chance } from "../../src/simulate/chance.ts"
import {
  catalogueOf,
  foreignVersion,
  policyOf,
  type Surroundings,
  unobtainable
} from "../../src/simulate/surroundings.ts"
import type { Entry } from "../../src/simulate/trace.ts"
import { Engine } from "../npu-sim/engine/engine.ts"
import * as Clock from "./clock.ts"
import { SimulatedDpu } from "./daemon.ts"
import { imagesFolder, load, versions } from "./images.ts"
import { ProcessScheduler, TaskQueue } from "./scheduler.ts"
import { Server } from "./server.ts"
import { SimulatedTime } from "./time.ts"

export interface WorldOptions {
  readonly seed: number
  readonly dpus: number
  readonly surroundings: Surroundings
  readonly record: (entry: Entry) => void
}

/** The containers of each DPU. */
export const assigned = (dpus: number, surroundings: Surroundings): ReadonlyArray<ReadonlyArray<ContainerSpec>> => {
  const catalogue = catalogueOf(surroundings)
  return Array.from({ length: dpus }, (_, dpu) => Either.getOrThrow(resolve(catalogue, dpu)))
}

export class World {
  readonly time = new SimulatedTime()
  readonly queue: TaskQueue
  readonly engine: Engine
  readonly dpus: ReadonlyArray<SimulatedDpu>
  readonly containers: ReadonlyArray<ReadonlyArray<ContainerSpec>>
  /** Containers that every list shows in no clear state. */
  readonly unclear = new Set<string>()
  readonly server = new Server()
  private armed = Number.POSITIVE_INFINITY

  constructor(options: WorldOptions) {
    const chance = new Chance(options.seed, 2)
    const { record } = options
    const { time } = this
    this.queue = new TaskQueue(chance.fork(1), {
      reorder: chance.pick([0, 0, 0.05, 0.5]),
      operations: chance.pick([2048, 2048, 500, 150])
    })
    this.containers = assigned(options.dpus, options.surroundings)
    const ports = new Map(
      this.containers.flat().flatMap((spec) => spec.probe === undefined ? [] : [[spec.name, spec.probe.port]])
    )
    this.engine = new Engine({
      now: () => Math.floor(epoch + time.now),
      wake: (at) => this.arm(at),
      stopMillis: Math.round(chance.logarithmic(50, 8000)),
      loadMillis: 500,
      diskBytes: 8e9,
      seed: options.seed & 0xffff,
      listensOn: (name) => ports.get(name),
      quirks: {
        startOverLeftover: chance.pick(["ALREADY_EXISTS", "INTERNAL"]),
        listsLabels: chance.hits(0.5)
      }
    })
    // What is there before the first daemon is told as well: it may be in use.
    this.engine.subscribe((event) => {
      if (event._tag === "Logged" || event._tag === "ProbeChanged") return
      const { id, image, name } = event.container
      record({ _tag: "Engine", at: time.now, what: event._tag, container: name, id, image: format(image) })
    })
    this.furnish(chance.fork(2), options.surroundings.mixed)
    const process = new ProcessScheduler(this.queue)
    let calls = 0
    const npu = { process, clock: Clock.make(time, process, { mono: 0, wall: () => epoch }) }
    const policy = policyOf(options.surroundings)
    const offersLogs = chance.hits(0.7)
    const images = imagesFolder(this.containers.flat())
    this.dpus = this.containers.map((containers, dpu) =>
      new SimulatedDpu({
        dpu,
        containers,
        engine: this.engine,
        time,
        queue: this.queue,
        chance: chance.fork(100 + dpu),
        images,
        record,
        npu,
        nextCall: () => ++calls,
        offersLogs,
        server: this.server,
        policy,
        unclear: this.unclear
      })
    )
  }

  /** What was on the NPU before: containers of others, and now and then the images. */
  private furnish(chance: Chance, mixed: boolean): void {
    const others = ["telemetry", "databasedpu", "database", "gnmi"]
    load(this.engine, "docker-others", "1")
    for (const name of others) {
      this.engine.unary("StartContainer", { imageName: "docker-others", tag: "1", instanceName: name })
    }
    for (const spec of this.containers[0] ?? []) {
      if (chance.hits(0.7) && spec.repository !== unobtainable) load(this.engine, spec.repository, versions[0])
    }
    if (!mixed && !chance.hits(0.2)) return
    // Somebody has been here before.
    for (const { name, repository } of this.containers.flat()) {
      if (repository === unobtainable || !chance.hits(0.8)) continue
      const tag = mixed
        ? chance.pick([...versions, foreignVersion])
        : chance.hits(0.8)
        ? versions[0]
        : versions[1]
      load(this.engine, repository, tag)
      this.engine.unary("StartContainer", { imageName: repository, tag, instanceName: name })
    }
  }

  /** The engine wants to be called when something is due by itself. */
  private arm(at: number): void {
    const due = at - epoch
    if (due >= this.armed || at === Number.POSITIVE_INFINITY) return
    this.armed = due
    this.time.at(due, () => {
      if (this.armed === due) this.armed = Number.POSITIVE_INFINITY
      this.engine.settle()
      this.arm(this.engine.nextDue())
    })
  }
}

/** Milliseconds since 1970 when every run begins, by the NPU's clock. */
const epoch = Date.UTC(2026, 0, 1)
