/**
 * Pruning on an image store that eight DPUs share. Removed is only what this DPU
 * itself ran once and has twice moved on from, that no container of anybody uses,
 * and that every container seen with such an image has left behind for
 * `pruneAge`, and to which no other DPU may have to go back. Versions have no order but the one in which this DPU had them:
 * what is not among those counts as older, and keeps all.
 */
import type { ContainerSpec } from "../../model/catalogue.ts"
import { format, same, sameRepository, split } from "../../model/image.ts"
import type { Input } from "../input.ts"
import { assignedImage, type Memory, targetVersion } from "../memory.ts"
import type { Turn } from "../turn.ts"
import { stagedImages, targetImage } from "./members.ts"
import type { Runner } from "./record.ts"

/** What others run is looked at, and written down, so many times within `pruneAge`. */
const samples = 144
/** A container that was not seen for so many times `pruneAge` is gone for good. */
const forgotten = 7
/** What another container ran before is remembered so far back. */
const remembered = 8

/** Takes note of a look, and removes one image where that is safe. */
export const prune = (turn: Turn, input: Input): void => {
  if (input._tag !== "Looked" || turn.now.unsavable !== undefined) return
  if (input.look.result._tag === "Failed") return turn.setUpgrade({ fleetAt: undefined })
  const { fleetAt } = turn.memory.upgrade
  const { pruneAge } = turn.memory.policy.upgrade
  if (fleetAt === undefined) return turn.setUpgrade({ fleetAt: turn.now.mono })
  if (turn.now.mono - fleetAt < pruneAge / samples) return
  turn.setDurable({ fleet: watched(turn.memory, turn.now.mono - fleetAt) })
  turn.setUpgrade({ fleetAt: turn.now.mono })
  removeOne(turn)
}

/** Who has run which image for how long, as far as it was looked at. */
const watched = (memory: Memory, elapsed: number): Readonly<Record<string, Runner>> => {
  const { users } = memory.upgrade
  const fleet: Record<string, Runner> = {}
  for (const [container, runner] of Object.entries(memory.durable.fleet)) {
    const unseenFor = runner.unseenFor + elapsed
    if (unseenFor < forgotten * memory.policy.upgrade.pruneAge) fleet[container] = { ...runner, unseenFor }
  }
  for (const { container, image, running } of users) {
    const before = memory.durable.fleet[container]
    const name = format(image)
    const goesOn = running && before?.image === name && before.unseenFor === 0
    fleet[container] = {
      image: name,
      ranFor: goesOn ? before.ranFor + elapsed : 0,
      unseenFor: 0,
      before: past(before, name)
    }
  }
  return fleet
}

const past = (runner: Runner | undefined, now: string): Runner["before"] =>
  runner === undefined || runner.image === now
    ? runner?.before ?? []
    : [...runner.before, { image: runner.image, ranFor: runner.ranFor }].filter(({ image }) => image !== now)
      .slice(-remembered)

/**
 * What its DPU may go back to from what the container runs now: the last image
 * that held, and all since, of which nobody can say whether they proved good.
 */
const waysBack = ({ before }: Runner, pruneAge: number): ReadonlyArray<string> =>
  before.slice(Math.max(0, before.findLastIndex(({ ranFor }) => ranFor >= pruneAge))).map(({ image }) => image)

const removeOne = (turn: Turn): void => {
  const { memory } = turn
  const { images, npu, upgrade } = memory
  if (memory.durable.upgrade !== null || images.transfer !== undefined || upgrade.pruning !== undefined) return
  if (npu.reachable !== true) return
  const image = memory.specs.flatMap((spec) => prunable(memory, spec))[0]
  if (image === undefined) return
  turn.setUpgrade({ pruning: image })
  turn.actions.push({ _tag: "RemoveImage", operation: turn.operation(), image: split(image) })
  turn.say("notice", "Pruning", `Removing ${image} from the NPU: every DPU has run a newer one for long enough.`)
}

/** The past images of a service that nobody needs any more, oldest first. */
export const prunable = (memory: Memory, spec: ContainerSpec): ReadonlyArray<string> => {
  const { dpuVersion, fleet, pastSets, previousSet } = memory.durable
  const { pruneAge } = memory.policy.upgrade
  // Its own container is not seen, or the image of it has lost its name: nobody can tell what it is made from.
  if (fleet[spec.name]?.unseenFor !== 0) return []
  const assigned = assignedImage(memory, spec.name)
  const history = [...pastSets, previousSet ?? {}, assigned === undefined ? {} : { [spec.name]: format(assigned) }]
    .flatMap((set) => set[spec.name] ?? [])
  // The DPU's own version stays wanted while it cannot be told.
  const wanted = [targetVersion(memory), dpuVersion].flatMap((version) => version ?? [])
  const kept = [
    ...[previousSet?.[spec.name], assigned === undefined ? undefined : format(assigned)].flatMap((name) => name ?? []),
    ...stagedImages(memory).map(format),
    ...wanted.map((version) => format(targetImage(spec, version)))
  ]
  const age = (name: string): number => history.findLastIndex((one) => same(split(one), split(name)))
  return pastSets.flatMap((set) => set[spec.name] ?? []).filter((candidate) =>
    !kept.some((name) => same(split(name), split(candidate)))
    && !memory.upgrade.users.some(({ image }) => same(image, split(candidate)))
    && Object.entries(fleet).every(([container, runner]) =>
      !sameRepository(split(runner.image).repository, spec.repository)
      || (age(runner.image) > age(candidate) && runner.ranFor >= pruneAge
        && (container === spec.name || !waysBack(runner, pruneAge).some((name) => same(split(name), split(candidate)))))
    )
  )
}

/** Folds the end of a removal. However it ended, no list from before it tells whether the image is there. */
export const removed = (turn: Turn, { image, outcome }: Extract<Input, { _tag: "ImageRemoved" }>): void => {
  if (turn.memory.upgrade.pruning !== image) return
  turn.setUpgrade({ pruning: undefined, imagesFresh: false })
  const { [image]: _, ...held } = turn.memory.images.held
  turn.setImages({ held })
  const gone = outcome._tag === "Done" || (outcome._tag === "Refused" && outcome.kind === "NotFound")
  if (!gone) return turn.say("info", "NotPruned", `${image} was not removed from the NPU: ${outcome.reason}.`)
  turn.setDurable({
    pastSets: turn.memory.durable.pastSets.map((set) =>
      Object.fromEntries(Object.entries(set).filter(([, name]) => name !== image))
    ).filter((set) => Object.keys(set).length > 0)
  })
  turn.say("notice", "Pruned", `${image} is no longer on the NPU.`)
}
