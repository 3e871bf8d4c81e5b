/**
 * Plans from seeds. Each seed draws a random subset of the kinds of faults and a
 * rate for each: runs in which few things go wrong often, and others in which
 * much goes wrong now and then, find more than runs that are all alike.
 */
import { Chance } from "./chance.ts"
import { draws, kinds, type World } from "./draws.ts"
import type { Fault, FaultKind, Plan } from "./fault.ts"
import { calmFollowers, followers } from "./followers.ts"
import { drawScene, sceneLength } from "./scenes.ts"
import type { Upgrades } from "./surroundings.ts"

export interface SwarmOptions {
  readonly seed: number
  /** Milliseconds in which faults happen. */
  readonly length: number
  /** Names of the containers of each DPU, by DPU. */
  readonly containers: ReadonlyArray<ReadonlyArray<string>>
  readonly versions: ReadonlyArray<string>
  /** The sound ones among them; all DPUs begin with the first. */
  readonly sound: ReadonlyArray<string>
  readonly profile: Profile
  /** Where versions change often, other faults are fewer. */
  readonly upgrades: Upgrades
}

/** Which kinds of faults a run draws from. */
export const profiles = {
  /** Everything, in surroundings of all kinds, and faults that bring others with them. */
  all: () => true,
  none: () => false,
  containers: (kind: FaultKind) => containerKinds.has(kind),
  network: (kind: FaultKind) => networkKinds.has(kind),
  daemon: (kind: FaultKind) => daemonKinds.has(kind),
  /** Everything, and the DPUs' versions change all the time, to bad ones too. */
  upgrades: (kind: FaultKind) => !widening.has(kind),
  /** The DPUs move on from one sound version to another, calmly enough for images to grow old and be removed. */
  pruning: (kind: FaultKind) => calmKinds.has(kind)
} as const
export type Profile = keyof typeof profiles

const widening: ReadonlySet<FaultKind> = new Set(["ServerReplaced", "CallsRefused"])
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
  const isWanted = profiles[options.profile]
  const allowed = kinds.filter((kind) => isWanted(kind) && (options.upgrades !== "calm" || calmKinds.has(kind)))
  const share = options.upgrades === "frequent" ? root.between(0.03, 0.2) : root.between(0.1, 0.5)
  const sure = sureKinds(options)
  const chosen = allowed.filter((kind) => root.hits(share) || sure.includes(kind))
  const faults = chosen.flatMap((kind, index) => drawKind(kind, root.fork(index), options))
  return withScenes(faults, root, options).toSorted((left, right) => left.at - right.at)
}

/** Where versions change often, they do so in two scenes first, and at random after that; little else happens meanwhile, or nothing. */
const withScenes = (faults: ReadonlyArray<Fault>, chance: Chance, options: SwarmOptions): ReadonlyArray<Fault> => {
  if (options.upgrades !== "frequent") return faults
  const dpu = chance.below(options.containers.length)
  // Before anything has proved good.
  if (chance.hits(0.3)) {
    const early: Fault = { _tag: "OperatorRollsBack", at: chance.between(2000, 120_000), dpu }
    return [...faults, ...within(early, options.length)]
  }
  const [, ...others] = options.sound
  const first = chance.below(others.length)
  const played = [0, 1].flatMap((order) => {
    // The second goes from where the first has been to where that has not.
    const [further, next] = [0, 1].map((later) => others[(first + order + later) % others.length]!)
    const stage = { dpu, containers: options.containers[dpu]!, next: next!, further: further! }
    return drawScene(order * sceneLength + chance.between(5000, 60_000), chance, stage)
  })
  const isAlone = chance.hits(0.6)
  const undisturbed = faults.filter(({ _tag, at }) => at >= 2 * sceneLength || !(isAlone || disturbing.has(_tag)))
  return [...undisturbed, ...played.flatMap((fault) => within(fault, options.length))]
}

/** Kinds of which every run has faults. */
const sureKinds = ({ profile, upgrades }: SwarmOptions): ReadonlyArray<FaultKind> => {
  if (upgrades === "frequent") return changing
  return upgrades === "calm" || profile === "upgrades" ? ["VersionChange"] : []
}

/** What changes versions, and what operators do about it. */
const changing: ReadonlyArray<FaultKind> = [
  "VersionChange",
  "OperatorUpgrades",
  "OperatorRollsBack",
  "OperatorReleases",
  "OperatorPauses",
  "OperatorRetries",
  "OperatorAsks"
]

/** What takes an upgrade elsewhere than its scene. */
const disturbing: ReadonlySet<FaultKind> = new Set([...changing, "MemoryLost", "OperatorStops", "OperatorStarts"])

const drawKind = (kind: FaultKind, chance: Chance, options: SwarmOptions): ReadonlyArray<Fault> => {
  const world: World = {
    length: options.length,
    dpu: () => chance.below(options.containers.length),
    container: () => chance.pick(chance.pick(options.containers)),
    version: () => chance.pick(options.versions)
  }
  const usual = intervals[kind] ?? [30_000, 1_200_000]
  const [shortest, longest] = options.upgrades === "calm" ? calm : usual
  const mean = chance.logarithmic(shortest, longest) / options.containers.length
  const faults: Array<Fault> = []
  for (let at = wait(chance, mean); at < options.length; at += wait(chance, mean)) {
    const fault = draws[kind](Math.round(at * 1000) / 1000, chance, world)
    // One thing leads to another; where only some kinds are wanted, it does not.
    const follow = options.upgrades === "calm" ? calmFollowers[kind] : followers[kind]
    const further = options.profile === "all" ? follow?.(fault, chance.fork(faults.length), world) ?? [] : []
    faults.push(...[fault, ...further].flatMap((each) => within(each, options.length)))
  }
  return faults
}

/** What of a fault lies before the end of a run of this length. */
const within = (fault: Fault, length: number): ReadonlyArray<Fault> => {
  if (fault.at >= length) return []
  return ["length" in fault ? { ...fault, length: Math.min(fault.length, length - fault.at) } : fault]
}

/** Exponential, so that faults come in bunches and in droughts. */
const wait = (chance: Chance, mean: number): number => -mean * Math.log(1 - chance.next())

/** Milliseconds between two of a kind, where others than usual make sense. */
const intervals: Partial<Record<FaultKind, readonly [number, number]>> = {
  NpuReboot: [120_000, 2_400_000],
  VersionChange: [300_000, 3_600_000],
  OperatorUpgrades: [300_000, 3_600_000],
  OperatorRollsBack: [600_000, 3_600_000],
  OperatorReleases: [300_000, 3_600_000],
  OperatorPauses: [300_000, 1_800_000],
  OperatorAsks: [1000, 40_000],
  OperatorStops: [60_000, 1_800_000],
  OperatorStarts: [30_000, 600_000],
  CrashLoop: [120_000, 1_800_000],
  DaemonKilled: [20_000, 1_200_000],
  KilledAtSave: [20_000, 1_200_000],
  KilledAtWrite: [60_000, 1_200_000]
}

/** The same where upgrades shall come to their end. */
const calm: readonly [number, number] = [600_000, 2_400_000]
