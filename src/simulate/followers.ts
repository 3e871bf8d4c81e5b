/** What comes of a fault now and then: chance alone would bring these together too seldom. */
import type { Chance } from "./chance.ts"
import { draws, type World } from "./draws.ts"
import type { Fault, FaultKind } from "./fault.ts"
import { foreignVersion } from "./surroundings.ts"

type Follow = (fault: Fault, chance: Chance, world: World) => ReadonlyArray<Fault>

/** Comes after a fault of its kind, or with it. */
export const followers: Partial<Record<FaultKind, Follow>> = {
  VersionChange: (fault, chance, world) => {
    const { at } = fault
    return [
      ...(chance.hits(0.25) ? [draws.VersionChange(soon(chance, at, 300_000), chance, world)] : []),
      ...(chance.hits(0.15) ? hesitation(fault, chance, world) : []),
      ...(chance.hits(0.55) ? thereAndBack(fault, chance, world) : []),
      ...(chance.hits(0.1) ? regretted(fault, chance, world) : []),
      ...(chance.hits(0.25) ? rollback(soon(chance, at, 900_000), chance, world) : []),
      ...(chance.hits(0.25) ? pause(soon(chance, at, 3000), chance, world) : []),
      ...(chance.hits(0.15) ? [draws.OperatorStops(soon(chance, at, 3000), chance, world)] : []),
      ...(chance.hits(0.4) ? loss(soon(chance, at, 10_000), chance, world) : []),
      // While services are switched one after another.
      ...(chance.hits(0.4) ? loss(at + chance.between(5000, 60_000), chance, world) : []),
      ...(chance.hits(0.2) ? silences(at + 60_000, chance, world) : []),
      ...(chance.hits(0.3) ? [unremoving(at, chance, world)] : []),
      ...(chance.hits(0.9) ? orphanedStart(at, chance, world) : [])
    ] as ReadonlyArray<Fault>
  },
  OperatorUpgrades: (fault, chance, world) => [
    ...(chance.hits(0.2) ? [{ ...fault, at: soon(chance, fault.at, 60_000) }] : []),
    ...(chance.hits(0.3) ? [{ ...fault, at: soon(chance, fault.at + 120_000, 600_000) }] : []),
    ...(chance.hits(0.3) ? rollback(soon(chance, fault.at, 900_000), chance, world) : []),
    ...(chance.hits(0.2) ? pause(soon(chance, fault.at, 60_000), chance, world) : []),
    ...(chance.hits(0.3) ? [{ ...draws.DiskFull(fault.at + 2000, chance, world), length: 90_000 } as Fault] : []),
    ...(chance.hits(0.4) ? undoneAndReturned(fault, chance, world) : [])
  ],
  OperatorRollsBack: ({ at }, chance, world) => rollback(at, chance, world).slice(1),
  OperatorStops: (fault, chance, world) => {
    if (!("container" in fault) || chance.hits(0.6)) return []
    // It is in the hands of somebody who wants it to run.
    let next = fault.at
    return Array.from({ length: 2 + chance.below(3) }, () => {
      next = soon(chance, next, 60_000)
      return { ...draws.ForeignStart(next, chance, world), container: fault.container }
    })
  },
  OperatorStarts: (fault, chance) =>
    "container" in fault && chance.hits(0.3)
      ? [{ _tag: "OperatorStops", at: soon(chance, fault.at, 1000), container: fault.container }]
      : [],
  ForeignReplace: ({ at }, chance, world) =>
    chance.hits(0.2) ? [{ ...draws.DiskFull(at - 1000, chance, world), length: 20_000 } as Fault] : [],
  ContainerCrash: (fault, chance) => {
    if (!("container" in fault)) return []
    const { at, container } = fault
    return [
      // One that answers each time, and each time stops soon.
      ...(chance.hits(0.15)
        ? [5000, 12_000, 21_000, 33_000].map((later): Fault => ({ ...fault, at: at + later }))
        : []),
      // An operator has seen it too.
      ...(chance.hits(0.05)
        ? [
          { _tag: "OperatorStops", at: soon(chance, at, 3000), container },
          { _tag: "OperatorStarts", at: at + 60_000, container }
        ] as const
        : [])
    ]
  },
  NpuReboot: (fault, chance, world) =>
    fault._tag === "NpuReboot"
      ? [
        // The NPU's own units start what they know, as soon as they are there.
        ...(chance.hits(0.9)
          ? [1, 2, 3, 4].map((order) => draws.ForeignStart(fault.at + fault.downFor * 0.9 + order, chance, world))
          : []),
        // While one waits for what it comes after, somebody brings it back as another version.
        ...(chance.hits(0.9)
          ? [1000, 2000, 4000].map((later): Fault =>
            ({
              ...draws.ForeignStart(fault.at + fault.downFor + later, chance, world),
              version: foreignVersion
            }) as Fault
          )
          : []),
        ...(chance.hits(0.95) ? rebootAmidUpgrade(fault, chance, world) : [])
      ]
      : [],
  MemoryLost: (fault, chance, world) => {
    if (fault._tag !== "MemoryLost") return []
    if (chance.hits(0.4)) return foundLate(fault, chance, world)
    return chance.hits(0.15) ? orderedBlindly(fault, chance, world) : []
  },
  CallsRefused: (fault, chance, world) => fault._tag === "CallsRefused" ? aimed(fault, chance, world) : [],
  ImageVanishes: (fault, chance) =>
    "container" in fault && chance.hits(0.5)
      ? [{ _tag: "ContainerVanishes", at: soon(chance, fault.at, 20_000), container: fault.container }]
      : []
}

/** The same where upgrades shall come to their end: what is too old to be kept is not always let go. */
export const calmFollowers: typeof followers = {
  VersionChange: ({ at }, chance, world) => [
    ...(chance.hits(0.5) ? [unremoving(at, chance, world)] : []),
    // It takes its time to say so, and the next version is wanted while a removal is under way.
    ...(chance.hits(0.3) ? [{ ...unremoving(at, chance, world), length: 3_600_000, delay: 20_000 } as Fault] : [])
  ]
}

/** Milliseconds until somebody has thought again. */
const soon = (chance: Chance, at: number, longest: number): number =>
  Math.round((at + chance.logarithmic(5, longest)) * 1000) / 1000

/** A service exits after each of its starts, within `slowest` milliseconds. */
const crashLoop = (at: number, slowest: number, length: number, chance: Chance, world: World): Fault =>
  ({ ...draws.CrashLoop(at, chance, world), every: chance.between(500, slowest), length }) as Fault

/** The server removes no image for a while. */
const unremoving = (at: number, chance: Chance, world: World): Fault =>
  ({
    ...draws.CallsRefused(at, chance, world),
    method: "RemoveImage",
    code: chance.pick(["NOT_FOUND", "FAILED_PRECONDITION", "UNAVAILABLE"]),
    length: 900_000
  }) as Fault

/** Milliseconds in which every answer takes seconds. */
const slowness = (at: number, chance: Chance, world: World): Fault =>
  ({ ...draws.SlowReplies(at, chance, world), share: 1, delay: 6000, length: 12_000 }) as Fault

/** Another version is wanted while the list of images for the one before is still under way. */
const hesitation = ({ at }: Fault, chance: Chance, world: World): ReadonlyArray<Fault> => {
  const again = at + chance.between(500, 6000)
  return [slowness(at, chance, world), { ...draws.VersionChange(again, chance, world), at: again }]
}

/** A set that is on probation loses its purpose, and has it again before the next has come. */
const thereAndBack = (fault: Fault, chance: Chance, world: World): ReadonlyArray<Fault> => {
  const away = fault.at + chance.between(70_000, 240_000)
  return [
    { ...draws.VersionChange(away, chance, world), at: away },
    { ...fault, at: soon(chance, away, 15_000) },
    ...(chance.hits(0.5)
      ? [1, 2].map(() => crashLoop(away + chance.between(15_000, 60_000), 3000, 90_000, chance, world))
      : [])
  ]
}

/** What was committed is wanted again while the set after it is on probation, and then it does not hold. */
const regretted = (fault: Fault, chance: Chance, world: World): ReadonlyArray<Fault> => {
  const onwards = fault.at + chance.between(200_000, 500_000)
  const back = onwards + chance.between(70_000, 200_000)
  return [
    { ...draws.VersionChange(onwards, chance, world), at: onwards },
    { ...fault, at: back },
    ...[1, 2, 3].map(() => crashLoop(back + chance.between(5000, 40_000), 3000, 120_000, chance, world))
  ]
}

/** A rollback, and second thoughts about it. */
const rollback = (at: number, chance: Chance, world: World): ReadonlyArray<Fault> => [
  draws.OperatorRollsBack(at, chance, world),
  ...(chance.hits(0.3)
    ? [{ ...draws.VersionUnreadable(at, chance, world), at: Math.max(0, at - 1000), length: 30_000 } as Fault]
    : []),
  ...(chance.hits(0.3) ? [draws.OperatorRollsBack(soon(chance, at, 30_000), chance, world)] : []),
  ...(chance.hits(0.25) ? hesitation({ ...draws.OperatorRollsBack(at, chance, world) }, chance, world) : []),
  ...(chance.hits(0.4) ? [draws.VersionChange(soon(chance, at, 10_000), chance, world)] : []),
  ...(chance.hits(0.3) ? [draws.OperatorUpgrades(soon(chance, at, 20_000), chance, world)] : []),
  ...(chance.hits(0.55)
    ? [1, 2].map(() => crashLoop(at, 5000, 120_000, chance, world))
    : [])
]

/** Containers and their images are gone, nothing can be sent for a while, and then all is to be as before. */
const loss = (at: number, chance: Chance, world: World): ReadonlyArray<Fault> => [
  { _tag: "NpuDiskFull", at, length: Math.round(chance.logarithmic(40_000, 180_000)) },
  ...Array.from({ length: chance.pick([1, 1, 4]) }, () => world.container()).flatMap((container) => [
    { _tag: "ImageVanishes", at: at + 1, container } as const,
    { _tag: "ContainerVanishes", at: at + 2, container } as const
  ]),
  ...(chance.hits(0.8) ? [draws.OperatorRollsBack(at + chance.between(60_000, 300_000), chance, world)] : [])
]

/** What an operator ordered and undid is in quarantine, and another version on its way, when the DPU itself comes with the first. */
const undoneAndReturned = (fault: Fault, chance: Chance, world: World): ReadonlyArray<Fault> => {
  if (fault._tag !== "OperatorUpgrades" || fault.version === null) return []
  const order = (later: number, version: string): Fault => ({
    ...fault,
    at: fault.at + later,
    version,
    stageOnly: false
  })
  const again = chance.between(120_000, 240_000)
  // One that is on probation is followed by a third, whose images are still on their way.
  const third = chance.hits(0.5) ? again + chance.between(60_000, 200_000) : undefined
  const later = third === undefined ? again + chance.between(500, 180_000) : third + chance.between(200, 8000)
  return [
    order(1, fault.version),
    draws.OperatorRollsBack(fault.at + chance.between(3000, 60_000), chance, world),
    ...[again, third].flatMap((moment) => moment === undefined ? [] : [order(moment, world.version())]),
    { ...draws.VersionChange(fault.at, chance, world), at: fault.at + later, version: fault.version } as Fault
  ]
}

/** A daemon without memory begins an upgrade of what it finds; what was away comes back as another version. */
const foundLate = (
  { at, downFor }: Extract<Fault, { readonly _tag: "MemoryLost" }>,
  chance: Chance,
  world: World
): ReadonlyArray<Fault> => {
  const container = world.container()
  return [
    { _tag: "ContainerVanishes", at: at + 1, container },
    { ...draws.VersionChange(at, chance, world), at: at + 2 },
    ...[1500, 4000, 9000].map((later): Fault =>
      ({ ...draws.ForeignStart(at + downFor + later, chance, world), container }) as Fault
    )
  ]
}

/** A daemon without memory is told where to go, and to leave it, before it knows the DPU's version. */
const orderedBlindly = (
  { at, downFor }: Extract<Fault, { readonly _tag: "MemoryLost" }>,
  chance: Chance,
  world: World
): ReadonlyArray<Fault> => {
  const order = at + downFor + chance.between(2000, 10_000)
  return [
    { ...draws.VersionUnreadable(at, chance, world), at, length: downFor + 60_000 } as Fault,
    { ...draws.OperatorUpgrades(order, chance, world), version: world.version(), stageOnly: false } as Fault,
    draws.OperatorRollsBack(order + chance.between(500, 6000), chance, world)
  ]
}

/** Nobody knows what became of a start, and another version runs in its place. */
const outrun = (at: number, container: string): ReadonlyArray<Fault> => [
  { _tag: "ContainerVanishes", at: at + 100, container },
  ...[1500, 2500, 4000].map((later): Fault => ({
    _tag: "ForeignStart",
    at: at + later,
    container,
    version: foreignVersion
  }))
]

/** A set is on its way when the NPU goes down, and somebody wants the old one while the services wait for their turn. */
const rebootAmidUpgrade = (
  { at, downFor }: Extract<Fault, { readonly _tag: "NpuReboot" }>,
  chance: Chance,
  world: World
): ReadonlyArray<Fault> => {
  const before = Math.max(0, at - chance.between(10_000, 60_000))
  return [
    { ...draws.VersionChange(before, chance, world), at: before },
    ...[500, 2000, 4000].map((later) => draws.OperatorRollsBack(at + downFor + later, chance, world))
  ]
}

/** One service after another falls silent for a time that is not too long. */
const silences = (from: number, chance: Chance, world: World): ReadonlyArray<Fault> =>
  [0, 1, 2, 3, 4, 5].map((order) =>
    ({ ...draws.Hang(from + order * 50_000, chance, world), length: chance.between(15_000, 45_000) }) as Fault
  )

/** The daemon dies after a start of which it never hears, and until it is back images lose their names. */
const orphanedStart = (from: number, chance: Chance, world: World): ReadonlyArray<Fault> => {
  const at = from + chance.between(1000, 40_000)
  return [
    {
      ...draws.KilledAtWrite(at, chance, world),
      number: 1 + chance.below(12),
      when: "before",
      downFor: 60_000
    } as Fault,
    ...[20_000, 25_000, 30_000, 35_000, 40_000, 45_000, 50_000].map((later) =>
      draws.ImageVanishes(at + later, chance, world)
    )
  ]
}

/** What makes the daemon ask for just what is refused. */
const aimed = (
  { at, container, method }: Extract<Fault, { readonly _tag: "CallsRefused" }>,
  chance: Chance,
  world: World
): ReadonlyArray<Fault> => {
  switch (method) {
    case "StopContainer":
      return [{ _tag: "OperatorStops", at: soon(chance, at, 5000), container }]
    case "StartContainer":
      return [
        ...(chance.hits(0.8) ? outrun(at, container) : []),
        { _tag: "ContainerCrash", at: soon(chance, at, 5000), container },
        ...(chance.hits(0.9)
          ? [
            { _tag: "OperatorStops", at: at + chance.between(3000, 20_000), container },
            { _tag: "OperatorStarts", at: at + 90_000, container }
          ] as const
          : [])
      ]
    case "ListImage":
      return [
        { ...draws.DaemonKilled(at + 100, chance, world), downFor: 100 } as Fault,
        { _tag: "ContainerCrash", at: at + 200, container },
        { _tag: "OperatorRetries", at: at + 3000, container },
        { _tag: "OperatorRetries", at: at + 9000, container }
      ]
    default:
      return []
  }
}

const pause = (at: number, chance: Chance, world: World): ReadonlyArray<Fault> =>
  [true, false].map((paused, index): Fault => ({
    _tag: "OperatorPauses",
    at: index === 0 ? at : soon(chance, at + 1000, 300_000),
    dpu: world.dpu(),
    paused
  }))
