/** How one fault of each kind is drawn. */
import type { Chance } from "./chance.ts"
import type { Fault, FaultKind } from "./fault.ts"
import { foreignVersion } from "./surroundings.ts"

/** Whom and what a fault may concern. */
export interface World {
  readonly length: number
  readonly dpu: () => number
  readonly container: () => string
  readonly version: () => string
}

/** Milliseconds that something lasts. */
const length = (chance: Chance): number => Math.round(chance.logarithmic(500, 120_000))
const share = (chance: Chance): number => Math.round(chance.logarithmic(0.02, 1) * 1000) / 1000
/** Milliseconds that a daemon is down; systemd is quick, a DPU's restart is not. */
const downFor = (chance: Chance): number => Math.round(chance.logarithmic(50, 90_000))

type Draw = (at: number, chance: Chance, world: World) => Fault

export const draws: Record<FaultKind, Draw> = {
  ContainerCrash: (at, _, world) => ({ _tag: "ContainerCrash", at, container: world.container() }),
  CrashLoop: (at, chance, world) => ({
    _tag: "CrashLoop",
    at,
    length: Math.round(chance.logarithmic(10_000, 900_000)),
    container: world.container(),
    every: Math.round(chance.logarithmic(100, 60_000))
  }),
  Hang: (at, chance, world) => ({
    _tag: "Hang",
    at,
    length: Math.round(chance.logarithmic(1000, 400_000)),
    container: world.container(),
    mode: chance.pick(["hang", "refuse", "wrong"]),
    sticky: chance.hits(0.3)
  }),
  StopIgnored: (at, chance, world) => ({
    _tag: "StopIgnored",
    at,
    length: length(chance) * 5,
    container: world.container()
  }),
  BadCommand: (at, chance, world) => ({
    _tag: "BadCommand",
    at,
    length: length(chance) * 2,
    container: world.container()
  }),
  ContainerVanishes: (at, _, world) => ({ _tag: "ContainerVanishes", at, container: world.container() }),
  ForeignStop: (at, _, world) => ({ _tag: "ForeignStop", at, container: world.container() }),
  ForeignReplace: (at, chance, world) => ({
    _tag: "ForeignReplace",
    at,
    container: world.container(),
    version: chance.hits(0.5) ? null : chance.hits(0.5) ? foreignVersion : world.version()
  }),
  ForeignStart: (at, chance, world) => ({
    _tag: "ForeignStart",
    at,
    container: world.container(),
    version: chance.hits(0.2) ? foreignVersion : world.version()
  }),
  ImageVanishes: (at, _, world) => ({ _tag: "ImageVanishes", at, container: world.container() }),
  Janitor: (at) => ({ _tag: "Janitor", at }),
  NpuReboot: (at, chance, world) => ({
    _tag: "NpuReboot",
    at,
    downFor: Math.min(Math.round(chance.logarithmic(2000, 180_000)), world.length - at),
    left: chance.pick(["gone", "stopped"])
  }),
  NpuDiskFull: (at, chance) => ({ _tag: "NpuDiskFull", at, length: length(chance) }),
  EmptyLists: (at, chance) => ({ _tag: "EmptyLists", at, count: 1 + chance.below(3) }),
  UnspecifiedState: (at, chance, world) => ({
    _tag: "UnspecifiedState",
    at,
    length: length(chance),
    container: world.container(),
    omitted: chance.hits(0.5)
  }),
  PortTaken: (at, chance, world) => ({ _tag: "PortTaken", at, length: length(chance), container: world.container() }),
  CorruptDeploys: (at, chance) => ({ _tag: "CorruptDeploys", at, count: 1 + chance.below(3) }),
  LostDeploys: (at, chance) => ({ _tag: "LostDeploys", at, count: 1 + chance.below(3) }),
  ServerFaults: (at, chance, world) => ({
    _tag: "ServerFaults",
    at,
    length: length(chance),
    dpu: world.dpu(),
    share: share(chance)
  }),
  ServerReplaced: (at, chance) => ({
    _tag: "ServerReplaced",
    at,
    length: length(chance) * 3,
    lacks: chance.pick(["logs", "images", "list", "deploy", "everything"]),
    described: chance.hits(0.4)
  }),
  CallsRefused: (at, chance, world) => ({
    _tag: "CallsRefused",
    at,
    length: length(chance) * 3,
    container: world.container(),
    method: chance.pick([
      "StartContainer",
      "StartContainer",
      "StartContainer",
      "StopContainer",
      "StopContainer",
      "RemoveContainer",
      "ListImage"
    ]),
    code: chance.pick(["INTERNAL", "FAILED_PRECONDITION", "UNAVAILABLE", "NOT_FOUND", "RESOURCE_EXHAUSTED"]),
    delay: Math.round(chance.logarithmic(20, 20_000))
  }),
  LinkCut: (at, chance, world) => ({
    _tag: "LinkCut",
    at,
    length: length(chance),
    dpu: world.dpu(),
    how: chance.pick(["reset", "silent", "toNpu", "fromNpu"])
  }),
  Unresponsive: (at, chance, world) => ({ _tag: "Unresponsive", at, length: length(chance), dpu: world.dpu() }),
  IdleGoaway: (at, _, world) => ({ _tag: "IdleGoaway", at, dpu: world.dpu() }),
  SlowReplies: (at, chance, world) => ({
    _tag: "SlowReplies",
    at,
    length: length(chance),
    dpu: world.dpu(),
    share: share(chance),
    delay: Math.round(chance.logarithmic(20, 40_000))
  }),
  LostRequests: (at, chance, world) => ({
    _tag: "LostRequests",
    at,
    length: length(chance),
    dpu: world.dpu(),
    share: share(chance)
  }),
  LostReplies: (at, chance, world) => ({
    _tag: "LostReplies",
    at,
    length: length(chance),
    dpu: world.dpu(),
    share: share(chance)
  }),
  BrokenReplies: (at, chance, world) => ({
    _tag: "BrokenReplies",
    at,
    length: length(chance),
    dpu: world.dpu(),
    share: share(chance)
  }),
  DuplicatedRequests: (at, chance, world) => ({
    _tag: "DuplicatedRequests",
    at,
    length: length(chance) * 4,
    dpu: world.dpu(),
    share: share(chance)
  }),
  PartialLists: (at, chance, world) => ({
    _tag: "PartialLists",
    at,
    length: length(chance),
    dpu: world.dpu(),
    share: share(chance)
  }),
  ProbesLost: (at, chance, world) => ({
    _tag: "ProbesLost",
    at,
    length: length(chance),
    dpu: world.dpu(),
    share: share(chance)
  }),
  DiskFull: (at, chance, world) => ({ _tag: "DiskFull", at, length: length(chance), dpu: world.dpu() }),
  TornWrites: (at, chance, world) => ({
    _tag: "TornWrites",
    at,
    length: length(chance),
    dpu: world.dpu(),
    share: share(chance)
  }),
  SlowDisk: (at, chance, world) => ({
    _tag: "SlowDisk",
    at,
    length: length(chance),
    dpu: world.dpu(),
    delay: Math.round(chance.logarithmic(10, 10_000))
  }),
  WallClockJump: (at, chance, world) => ({
    _tag: "WallClockJump",
    at,
    dpu: world.dpu(),
    by: Math.round(chance.between(-1, 1) * chance.logarithmic(1000, 1e11))
  }),
  DaemonKilled: (at, chance, world) => ({
    _tag: "DaemonKilled",
    at,
    dpu: world.dpu(),
    steps: chance.below(60),
    downFor: downFor(chance),
    rebooted: chance.hits(0.3)
  }),
  KilledAtSave: (at, chance, world) => ({
    _tag: "KilledAtSave",
    at,
    dpu: world.dpu(),
    when: chance.pick(["before", "between", "after"]),
    downFor: downFor(chance)
  }),
  DaemonStopped: (at, chance, world) => ({ _tag: "DaemonStopped", at, dpu: world.dpu(), downFor: downFor(chance) }),
  MemoryLost: (at, chance, world) => ({
    _tag: "MemoryLost",
    at,
    dpu: world.dpu(),
    how: chance.pick(["gone", "cut", "odd", "older"]),
    downFor: downFor(chance)
  }),
  VersionUnreadable: (at, chance, world) => ({
    _tag: "VersionUnreadable",
    // Now and then from the very beginning.
    at: chance.hits(0.1) ? 0 : at,
    length: length(chance),
    dpu: world.dpu(),
    how: chance.pick(["missing", "garbled"])
  }),
  VersionChange: (at, chance, world) => ({
    _tag: "VersionChange",
    at: chance.hits(0.1) ? 0 : at,
    dpu: world.dpu(),
    version: world.version()
  }),
  OperatorStops: (at, _, world) => ({ _tag: "OperatorStops", at, container: world.container() }),
  OperatorStarts: (at, _, world) => ({ _tag: "OperatorStarts", at, container: world.container() }),
  OperatorRetries: (at, _, world) => ({ _tag: "OperatorRetries", at, container: world.container() }),
  OperatorDeploys: (at, chance, world) => ({
    _tag: "OperatorDeploys",
    at,
    container: world.container(),
    version: chance.hits(0.2) ? null : world.version(),
    cancelledAfter: chance.hits(0.6) ? null : Math.round(chance.logarithmic(1, 5000))
  }),
  OperatorUpgrades: (at, chance, world) => ({
    _tag: "OperatorUpgrades",
    at,
    dpu: world.dpu(),
    version: chance.hits(0.4) ? null : world.version(),
    stageOnly: chance.hits(0.4)
  }),
  OperatorRollsBack: (at, _, world) => ({ _tag: "OperatorRollsBack", at, dpu: world.dpu() }),
  OperatorReleases: (at, chance, world) => ({
    _tag: "OperatorReleases",
    at,
    container: world.container(),
    version: chance.hits(0.7) ? null : world.version(),
    by: chance.pick(["version", "version", "image", "digest"])
  }),
  OperatorPauses: (at, chance, world) => ({
    _tag: "OperatorPauses",
    // Now and then before the daemon knows of anything.
    at: chance.hits(0.2) ? chance.below(1000) : at,
    dpu: world.dpu(),
    paused: chance.hits(0.3)
  }),
  OperatorAsks: (at, _, world) => ({ _tag: "OperatorAsks", at, dpu: world.dpu() }),
  KilledAtWrite: (at, chance, world) => ({
    _tag: "KilledAtWrite",
    at,
    dpu: world.dpu(),
    number: 1 + chance.below(30),
    when: chance.pick(["before", "between", "after"]),
    downFor: downFor(chance)
  })
}

/** Every kind there is. */
export const kinds = Object.keys(draws) as ReadonlyArray<FaultKind>
