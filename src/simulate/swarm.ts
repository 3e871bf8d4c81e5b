/**
 * Plans from seeds. Each seed draws a random subset of the kinds of faults and a
 * rate for each: runs in which few things go wrong often, and others in which
 * much goes wrong now and then, find more than runs that are all alike.
 */
import { Chance } from "./chance.ts"
import type { Fault, FaultKind, Plan } from "./fault.ts"

export interface SwarmOptions {
  readonly seed: number
  /** Milliseconds in which faults happen. */
  readonly length: number
  /** Names of the containers of each DPU, by DPU. */
  readonly containers: ReadonlyArray<ReadonlyArray<string>>
  readonly versions: ReadonlyArray<string>
  readonly profile: Profile
}

/** Which kinds of faults a run draws from. */
export const profiles = {
  all: () => true,
  none: () => false,
  containers: (kind: FaultKind) => containerKinds.has(kind),
  network: (kind: FaultKind) => networkKinds.has(kind),
  daemon: (kind: FaultKind) => daemonKinds.has(kind),
  /** Everything, and the DPUs' versions change all the time, to bad ones too. */
  upgrades: () => true,
  /** The DPUs move on from one sound version to another, calmly enough for images to grow old and be removed. */
  pruning: (kind: FaultKind) => calmKinds.has(kind)
} as const
export type Profile = keyof typeof profiles

const containerKinds: ReadonlySet<FaultKind> = new Set([
  "ContainerCrash",
  "CrashLoop",
  "Hang",
  "StopIgnored",
  "BadCommand",
  "ContainerVanishes",
  "ForeignStop",
  "ForeignReplace",
  "ForeignStart"
])
const networkKinds: ReadonlySet<FaultKind> = new Set([
  "NpuReboot",
  "LinkCut",
  "Unresponsive",
  "IdleGoaway",
  "SlowReplies",
  "LostRequests",
  "LostReplies",
  "BrokenReplies",
  "DuplicatedRequests",
  "PartialLists",
  "ProbesLost"
])
const calmKinds: ReadonlySet<FaultKind> = new Set([
  "VersionChange",
  "ForeignReplace",
  "ForeignStart",
  "LinkCut",
  "IdleGoaway",
  "DaemonKilled",
  "KilledAtSave",
  "OperatorRollsBack"
])
/** Kinds that every run of this profile has. */
const always: Partial<Record<Profile, ReadonlyArray<FaultKind>>> = {
  upgrades: ["VersionChange"],
  pruning: ["VersionChange"]
}

const daemonKinds: ReadonlySet<FaultKind> = new Set([
  "DiskFull",
  "TornWrites",
  "SlowDisk",
  "WallClockJump",
  "DaemonKilled",
  "KilledAtSave",
  "KilledAtWrite",
  "DaemonStopped",
  "MemoryLost",
  "OperatorStops",
  "OperatorStarts",
  "OperatorRetries",
  "OperatorDeploys",
  "OperatorAsks"
])

export const draw = (options: SwarmOptions): Plan => {
  const root = new Chance(options.seed, 1)
  const allowed = kinds.filter(profiles[options.profile])
  // The operators' part is drawn apart: a run of faults alone would never stop anything.
  const share = root.between(0.1, 0.5)
  const sure = always[options.profile] ?? []
  const chosen = allowed.filter((kind) => root.hits(share) || sure.includes(kind))
  const faults = chosen.flatMap((kind, index) => drawKind(kind, root.fork(index), options))
  return faults.sort((left, right) => left.at - right.at)
}

const drawKind = (kind: FaultKind, chance: Chance, options: SwarmOptions): ReadonlyArray<Fault> => {
  const world: World = {
    length: options.length,
    dpu: () => chance.below(options.containers.length),
    container: () => chance.pick(chance.pick(options.containers)),
    version: () => chance.pick(options.versions)
  }
  const [shortest, longest] = (options.profile === "pruning" ? calm : intervals[kind]) ?? [30_000, 1_200_000]
  const mean = chance.logarithmic(shortest, longest) / options.containers.length
  const faults: Array<Fault> = []
  for (let at = wait(chance, mean); at < options.length; at += wait(chance, mean)) {
    const fault = draws[kind](Math.round(at * 1000) / 1000, chance, world)
    faults.push("length" in fault ? { ...fault, length: Math.min(fault.length, options.length - at) } : fault)
  }
  return faults
}

/** Exponential, so that faults come in bunches and in droughts. */
const wait = (chance: Chance, mean: number): number => -mean * Math.log(1 - chance.next())

interface World {
  readonly length: number
  readonly dpu: () => number
  readonly container: () => string
  readonly version: () => string
}

/** Milliseconds between two of a kind, where others than usual make sense. */
const intervals: Partial<Record<FaultKind, readonly [number, number]>> = {
  NpuReboot: [120_000, 2_400_000],
  VersionChange: [300_000, 3_600_000],
  OperatorUpgrades: [300_000, 3_600_000],
  OperatorRollsBack: [600_000, 3_600_000],
  OperatorReleases: [300_000, 3_600_000],
  OperatorPauses: [300_000, 1_800_000],
  OperatorStops: [60_000, 1_800_000],
  OperatorStarts: [30_000, 600_000],
  CrashLoop: [120_000, 1_800_000],
  DaemonKilled: [20_000, 1_200_000],
  KilledAtSave: [20_000, 1_200_000],
  KilledAtWrite: [60_000, 1_200_000]
}

/** The same where upgrades shall come to their end. */
const calm: readonly [number, number] = [1_200_000, 2_400_000]

/** A version that no DPU ever has. */
const foreignVersion = "20251231.9"

/** Milliseconds that something lasts. */
const length = (chance: Chance): number => Math.round(chance.logarithmic(500, 120_000))
const share = (chance: Chance): number => Math.round(chance.logarithmic(0.02, 1) * 1000) / 1000
/** Milliseconds that a daemon is down; systemd is quick, a DPU's restart is not. */
const downFor = (chance: Chance): number => Math.round(chance.logarithmic(50, 90_000))

type Draw = (at: number, chance: Chance, world: World) => Fault

const draws: Record<FaultKind, Draw> = {
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
    how: chance.pick(["gone", "cut", "odd"]),
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
  VersionChange: (at, _, world) => ({ _tag: "VersionChange", at, dpu: world.dpu(), version: world.version() }),
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
  OperatorReleases: (at, _, world) => ({ _tag: "OperatorReleases", at, dpu: world.dpu(), version: world.version() }),
  OperatorPauses: (at, chance, world) => ({
    _tag: "OperatorPauses",
    at,
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
