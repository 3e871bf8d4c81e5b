/**
 * What chance alone brings together too seldom: a few faults in their order, of
 * one DPU and of versions that are sound, so that an upgrade comes to the moment
 * that a scene is about. Without faults in it, a set of three services is staged
 * 10 s after it came to be wanted, switched 56 s after it, and on probation then.
 */
import type { Chance } from "./chance.ts"
import type { Fault } from "./fault.ts"

/** Whom a scene is about. */
export interface Stage {
  readonly dpu: number
  readonly containers: ReadonlyArray<string>
  /** What runs is of another version than these two. */
  readonly next: string
  readonly further: string
}

/** The faults of a scene that begins at this moment, in milliseconds. */
type Scene = (at: number, chance: Chance, stage: Stage) => ReadonlyArray<Fault>

/** Milliseconds from where a scene may begin to where the next one may. */
export const sceneLength = 600_000

/** What comes after the others, of those that there are images of. */
const lastOf = ({ containers }: Stage): string => containers[2] ?? containers[0]!

const version = (at: number, { dpu }: Stage, wanted: string): Fault => ({
  _tag: "VersionChange",
  at,
  dpu,
  version: wanted
})

const order = (at: number, { dpu }: Stage, wanted: string, stageOnly = false): Fault => ({
  _tag: "OperatorUpgrades",
  at,
  dpu,
  version: wanted,
  stageOnly
})

const release = (at: number, { containers }: Stage, wanted: string): Fault => ({
  _tag: "OperatorReleases",
  at,
  container: containers[0]!,
  version: wanted,
  by: "version"
})

const rollback = (at: number, { dpu }: Stage): Fault => ({ _tag: "OperatorRollsBack", at, dpu })

/** While all services of the next version are on probation. */
const onProbation = (at: number, chance: Chance): number => at + chance.between(62_000, 100_000)

/** While the images of an upgrade that has just begun are on their way. */
const whileStaging = (at: number, chance: Chance): number => at + chance.between(500, 6000)

/** An operator has the images brought ahead of the version. */
const aheadOfTime: Scene = (at, chance, stage) => [
  order(at, stage, stage.next, true),
  version(at + chance.between(1000, 40_000), stage, stage.next)
]

/** An operator orders a third version while the next is on probation, and undoes that before its images are there. */
const undoneOnProbation: Scene = (at, chance, stage) => {
  const third = onProbation(at, chance)
  return [
    // The next one is the DPU's own, or nobody's once the order is undone.
    chance.hits(0.5) ? version(at, stage, stage.next) : order(at, stage, stage.next),
    order(third, stage, stage.further),
    rollback(whileStaging(third, chance), stage)
  ]
}

/** What is on probation fails while the images of a third version cannot be brought. */
const failsUnproved: Scene = (at, chance, stage) => {
  const third = onProbation(at, chance)
  return [
    version(at, stage, stage.next),
    { _tag: "NpuDiskFull", at: third - 1000, length: 180_000 },
    version(third, stage, stage.further),
    {
      _tag: "CrashLoop",
      at: third + chance.between(1000, 5000),
      length: 150_000,
      container: chance.pick(stage.containers),
      every: chance.between(500, 3000)
    }
  ]
}

/** A service that nobody ever started joins in once an upgrade without it is committed; then the set before is wanted. */
const latecomer: Scene = (at, chance, stage) => {
  const container = lastOf(stage)
  const joins = at + chance.between(380_000, 480_000)
  return [
    { _tag: "OperatorStops", at: 1, container },
    version(at, stage, stage.next),
    { _tag: "OperatorStarts", at: joins, container },
    rollback(joins + chance.between(10_000, 40_000), stage)
  ]
}

/** The images to go back to lose their names in the midst of the switch, and cannot be sent again for a while. */
const heldUp: Scene = (at, chance, stage) => {
  const begins = at + chance.between(11_000, 30_000)
  return [
    version(at, stage, stage.next),
    { _tag: "CorruptDeploys", at: begins, count: 6 + chance.below(6) },
    ...stage.containers.slice(1).map((container): Fault => ({ _tag: "ImageVanishes", at: begins + 1, container }))
  ]
}

/** One service is away for good, and an operator wants the old set before it has had its turn. */
const stranded: Scene = (at, chance, stage) => {
  const container = lastOf(stage)
  const room = at + chance.between(40_000, 200_000)
  return [
    version(at, stage, stage.next),
    { _tag: "NpuDiskFull", at: at + 1, length: room - at },
    { _tag: "ImageVanishes", at: at + 2, container },
    { _tag: "ContainerVanishes", at: at + 3, container },
    { _tag: "OperatorRetries", at: room + 100, container },
    rollback(room + chance.between(12_000, 40_000), stage)
  ]
}

/** The daemon dies before it has noted what it started, and until it is back that has lost its name. */
const nameless: Scene = (at, chance, stage) => {
  const killed = at + chance.between(10_000, 45_000)
  return [
    version(at, stage, stage.next),
    {
      _tag: "KilledAtWrite",
      at: killed,
      dpu: stage.dpu,
      number: 1 + chance.below(4),
      when: chance.pick(["before", "between"]),
      downFor: 40_000
    },
    ...[10_000, 20_000, 30_000].flatMap((later) =>
      stage.containers.map((container): Fault => ({ _tag: "ImageVanishes", at: killed + later, container }))
    )
  ]
}

/** A set that was mixed before is brought to one version, and on from there to another that one of its services had. */
const mixedBefore: Scene = (at, chance, stage) => {
  const third = onProbation(at + 10_000, chance)
  const container = chance.pick(stage.containers)
  return [
    { _tag: "MemoryLost", at, dpu: stage.dpu, how: "gone", downFor: 5000 },
    { _tag: "ForeignReplace", at: at + 1000, container, version: stage.further },
    version(at + 2000, stage, stage.next),
    version(third, stage, stage.further),
    rollback(third + chance.between(12_000, 60_000), stage)
  ]
}

/** How often each is played: what other faults take elsewhere needs more tries. */
const shares: ReadonlyArray<readonly [Scene, number]> = [
  [aheadOfTime, 2],
  [undoneOnProbation, 14],
  [failsUnproved, 3],
  [latecomer, 1],
  [heldUp, 5],
  [stranded, 6],
  [nameless, 1],
  [mixedBefore, 2]
]

/** A scene that begins at this moment; nothing that it takes is in quarantine then. */
export const drawScene = (at: number, chance: Chance, stage: Stage): ReadonlyArray<Fault> => {
  const scene = chance.weigh(shares)
  return [release(at - 2000, stage, stage.next), release(at - 1000, stage, stage.further), ...scene(at, chance, stage)]
}
