/** How each fault of a plan is brought about in the world. */
import * as Either from "effect/Either"

import { decode } from "../../src/decide/durable.ts"
import { format } from "../../src/model/image.ts"
import { Chance } from "../../src/simulate/chance.ts"
import { type Fault, isLasting, type Plan } from "../../src/simulate/fault.ts"
import type { Entry } from "../../src/simulate/trace.ts"
import type { Behaviour } from "../npu-sim/engine/behaviour.ts"
import type { SimulatedDpu } from "./daemon.ts"
import { allVersions, archivePath, behaviourOf, digestFor, load, versions } from "./images.ts"
import type { World } from "./world.ts"

/** Sets a timer for every fault of the plan; what lasts also ends. */
export const arrange = (world: World, plan: Plan, seed: number, record: (entry: Entry) => void): void => {
  const bad = new Misbehaviour(world)
  plan.forEach((fault, index) => {
    // By what it is, not by where it stands: a shrunk plan draws as the whole did.
    const chance = new Chance(seed, Math.round(fault.at * 1000))
    const happen = (): void => {
      record({ _tag: "Fault", at: world.time.now, index, fault, phase: "begins" })
      const end = begin(world, bad, fault, chance)
      if (end === undefined) return
      world.time.after(isLasting(fault) ? fault.length : fault._tag === "NpuReboot" ? fault.downFor : 0, () => {
        record({ _tag: "Fault", at: world.time.now, index, fault, phase: "ends" })
        end()
      })
    }
    if (fault.at === 0) happen()
    else world.time.at(fault.at, happen)
  })
}

/** Takes back what waits for its moment, once faults are over. */
export const forget = (world: World): void => {
  world.unclear.clear()
  world.engine.emptyLists(0)
  world.engine.corruptDeploys(0)
  world.engine.loseDeploys(0)
  for (const dpu of world.dpus) {
    dpu.disk.ambushes = []
    dpu.start()
  }
}

/** Brings a fault about; returns how to end it. */
const begin = (world: World, bad: Misbehaviour, fault: Fault, chance: Chance): (() => unknown) | undefined => {
  const { engine } = world
  switch (fault._tag) {
    case "ContainerCrash":
      engine.crash(fault.container)
      return undefined
    case "CrashLoop":
      return crashLoop(world, fault.container, fault.every)
    case "Hang":
      return hang(world, fault)
    case "StopIgnored":
      return bad.begin(fault.container, { ignoresStop: true })
    case "BadCommand":
      return bad.begin(fault.container, { badCommand: true })
    case "ContainerVanishes":
      engine.vanish(fault.container)
      return undefined
    case "ForeignStop":
      engine.foreignStop(fault.container)
      return undefined
    case "ForeignReplace": {
      const container = engine.container(fault.container)
      if (container === undefined) return undefined
      const tag = fault.version ?? container.image.tag
      load(engine, container.image.repository, tag)
      engine.foreignReplace(fault.container, { ...container.image, tag })
      return undefined
    }
    case "ForeignStart":
      foreignStart(world, fault.container, fault.version)
      return undefined
    case "ImageVanishes": {
      const container = engine.container(fault.container)
      const repository = specOf(world, fault.container).repository
      engine.vanishImage(container?.image ?? { repository, tag: versions[0] })
      return undefined
    }
    case "Janitor":
      engine.prune()
      return undefined
    case "NpuReboot":
      for (const dpu of world.dpus) dpu.link.cut("reset")
      engine.reboot(fault.left)
      return () => {
        for (const dpu of world.dpus) dpu.link.mend("reset")
      }
    case "NpuDiskFull":
      engine.fillDisk()
      return () => engine.clearDisk()
    case "EmptyLists":
      engine.emptyLists(fault.count)
      return undefined
    case "UnspecifiedState":
      if (!fault.omitted) {
        world.unclear.add(fault.container)
        return () => world.unclear.delete(fault.container)
      }
      engine.unspecified(fault.container, true)
      return () => engine.unspecified(fault.container, false)
    case "PortTaken": {
      const port = specOf(world, fault.container).probe?.port
      if (port === undefined) return undefined
      engine.blockPort(port, true)
      return () => engine.blockPort(port, false)
    }
    case "CorruptDeploys":
      engine.corruptDeploys(fault.count)
      return undefined
    case "LostDeploys":
      engine.loseDeploys(fault.count)
      return undefined
    case "ServerReplaced": {
      const restore = world.server.replace(fault)
      reconnect(world)
      return () => {
        restore()
        reconnect(world)
      }
    }
    case "CallsRefused":
      return world.server.refuse(
        fault.method,
        fault.method === "ListImage" || fault.method === "RemoveImage" ? "" : fault.container,
        fault
      )
    case "LinkCut":
      dpuOf(world, fault.dpu).link.cut(fault.how)
      return () => dpuOf(world, fault.dpu).link.mend(fault.how)
    case "Unresponsive":
      // It is the server that is silent: what it has taken in, it never looks at.
      dpuOf(world, fault.dpu).link.cut("silent")
      return () => dpuOf(world, fault.dpu).link.mend("silent")
    case "IdleGoaway":
      dpuOf(world, fault.dpu).link.connection?.closeIdle()
      return undefined
    case "ServerFaults":
    case "SlowReplies":
    case "LostRequests":
    case "LostReplies":
    case "BrokenReplies":
    case "DuplicatedRequests":
    case "PartialLists":
    case "ProbesLost": {
      const { link } = dpuOf(world, fault.dpu)
      const share = { share: fault.share, chance, delay: fault._tag === "SlowReplies" ? fault.delay : 0 }
      link.begin(fault._tag, share)
      return () => link.end(fault._tag, share)
    }
    default:
      return beginOnDpu(world, fault)
  }
}

type OnDpu = Extract<
  Fault,
  {
    readonly _tag:
      | "DiskFull"
      | "TornWrites"
      | "SlowDisk"
      | "WallClockJump"
      | "DaemonKilled"
      | "KilledAtSave"
      | "KilledAtWrite"
      | "DaemonStopped"
      | "MemoryLost"
      | "VersionUnreadable"
      | "VersionChange"
      | "OperatorStops"
      | "OperatorStarts"
      | "OperatorRetries"
      | "OperatorDeploys"
      | "OperatorUpgrades"
      | "OperatorRollsBack"
      | "OperatorReleases"
      | "OperatorPauses"
      | "OperatorAsks"
  }
>

const beginOnDpu = (world: World, fault: OnDpu): (() => void) | undefined => {
  const dpu = dpuOf(world, "dpu" in fault ? fault.dpu : ownerOf(world, fault.container))
  switch (fault._tag) {
    case "DiskFull":
      dpu.disk.full = true
      return () => {
        dpu.disk.full = false
      }
    case "TornWrites":
      dpu.disk.torn = fault.share
      return () => {
        dpu.disk.torn = 0
      }
    case "SlowDisk":
      dpu.disk.delay = fault.delay
      return () => {
        dpu.disk.delay = 0
      }
    case "WallClockJump":
      dpu.wallOffset += fault.by
      return undefined
    case "DaemonKilled":
      if (fault.steps === 0) dpu.kill(fault.downFor, fault.rebooted)
      else world.queue.interruptAfter(fault.steps, () => dpu.kill(fault.downFor, fault.rebooted))
      return undefined
    case "KilledAtSave":
    case "KilledAtWrite":
      dpu.disk.ambushes = [...dpu.disk.ambushes, {
        point: fault.when,
        saves: fault._tag === "KilledAtWrite" ? fault.number : 1,
        spring: () => dpu.kill(fault.downFor, false)
      }]
      return undefined
    case "DaemonStopped":
      dpu.stop(fault.downFor)
      return undefined
    case "MemoryLost":
      dpu.kill(fault.downFor, false)
      dpu.disk.lose(fault.how)
      return undefined
    case "VersionUnreadable":
      dpu.hideVersion(fault.how)
      return () => dpu.showVersion()
    case "VersionChange":
      dpu.setVersion(fault.version)
      return undefined
    case "OperatorStops":
      dpu.command(fault.container, "stopped")
      return undefined
    case "OperatorStarts":
      dpu.command(fault.container, "running")
      return undefined
    case "OperatorRetries":
      dpu.retry(fault.container)
      return undefined
    case "OperatorDeploys":
      dpu.deploy(archivePath(specOf(world, fault.container).repository, fault.version), fault.cancelledAfter)
      return undefined
    case "OperatorUpgrades":
      dpu.order({ _tag: "Upgrade", version: fault.version ?? undefined, stageOnly: fault.stageOnly })
      return undefined
    case "OperatorRollsBack":
      dpu.order({ _tag: "Rollback" })
      return undefined
    case "OperatorReleases":
      dpu.order({ _tag: "Release", subject: releasedBy(world, fault) })
      return undefined
    case "OperatorPauses":
      dpu.order({ _tag: "Pause", paused: fault.paused })
      return undefined
    case "OperatorAsks":
      dpu.ask()
      return undefined
  }
}

/** All DPUs lose their connection, and may have it back at once. */
const reconnect = (world: World): void => {
  for (const { link } of world.dpus) link.reset("the server was replaced")
}

const releasedBy = (world: World, fault: Extract<Fault, { readonly _tag: "OperatorReleases" }>): string => {
  const { text } = dpuOf(world, ownerOf(world, fault.container)).disk
  const quarantine = text === undefined ? [] : Either.match(decode(text, 0), {
    onLeft: () => [],
    onRight: (memory) => memory.quarantine
  })
  const version = fault.version ?? quarantine.at(-1)?.version ?? versions[0]
  const image = { repository: specOf(world, fault.container).repository, tag: version }
  switch (fault.by) {
    case "version":
      return version
    case "image":
      return format(image)
    case "digest":
      return digestFor(image)
  }
}

const dpuOf = (world: World, dpu: number): SimulatedDpu => world.dpus[dpu]!

const ownerOf = (world: World, container: string): number =>
  world.containers.findIndex((specs) => specs.some((spec) => spec.name === container))

const specOf = (world: World, container: string) => world.containers.flat().find((spec) => spec.name === container)!

/** A container that runs is left alone; a leftover is put out of the way. */
const foreignStart = (world: World, name: string, tag: string): void => {
  const { engine } = world
  if (engine.container(name)?.state === "running") return
  const { repository } = specOf(world, name)
  load(engine, repository, tag)
  engine.vanish(name)
  engine.unary("StartContainer", { imageName: repository, tag, instanceName: name })
}

const crashLoop = (world: World, container: string, every: number): () => void => {
  let on = true
  const crash = (): void => {
    if (on) world.engine.crash(container)
  }
  world.time.after(every, crash)
  const stop = world.engine.subscribe((event) => {
    if (event._tag === "Started" && event.container.name === container) world.time.after(every, crash)
  })
  return () => {
    on = false
    stop()
  }
}

const hang = (world: World, fault: Extract<Fault, { readonly _tag: "Hang" }>): () => void => {
  const { engine } = world
  engine.probe(fault.container, fault.mode)
  const stop = fault.sticky
    ? engine.subscribe((event) => {
      if (event._tag === "Started" && event.container.name === fault.container) {
        engine.probe(fault.container, fault.mode)
      }
    })
    : () => undefined
  return () => {
    stop()
    // "ok" would win over the image's own behaviour, so the instance is asked to forget instead.
    const container = engine.container(fault.container)
    if (container !== undefined) container.probe = undefined
  }
}

/** Images that behave badly for a time; faults that overlap add up. */
class Misbehaviour {
  private readonly world: World
  private readonly active: Array<{ readonly repository: string; readonly change: Partial<Behaviour> }> = []

  constructor(world: World) {
    this.world = world
  }

  begin(container: string, change: Partial<Behaviour>): () => void {
    const fault = { repository: specOf(this.world, container).repository, change }
    this.active.push(fault)
    this.apply(fault.repository)
    return () => {
      this.active.splice(this.active.indexOf(fault), 1)
      this.apply(fault.repository)
    }
  }

  private apply(repository: string): void {
    const changes = this.active.filter((fault) => fault.repository === repository).map((fault) => fault.change)
    for (const tag of allVersions) {
      const behaviour: Behaviour = Object.assign({ ...behaviourOf({ repository, tag }) }, ...changes)
      this.world.engine.setBehaviour({ repository, tag }, behaviour)
    }
  }
}
