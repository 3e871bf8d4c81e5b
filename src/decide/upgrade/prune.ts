/**
 * Pruning on an image store that eight DPUs share. Removed is only what this DPU
 * itself ran once and has twice moved on from, that no container of anybody uses,
 * and that every container seen with such an image has left behind for
 * `pruneAge`. Versions have no order but the one in which this DPU had them: what
 * is not among those counts as older, and keeps all.
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

/** Takes note of a look, and removes one image where that is safe. */
export const prune = (turn: Turn, input: Input): void => {
  if (input._tag === "ImageRemoved") return removed(turn, input)
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
    fleet[container] = { image: name, ranFor: goesOn ? before.ranFor + elapsed : 0, unseenFor: 0 }
  }
  return fleet
}

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
  const { fleet, pastSets, previousSet } = memory.durable
  const assigned = assignedImage(memory, spec.name)
  const history = [...pastSets, previousSet ?? {}, assigned === undefined ? {} : { [spec.name]: format(assigned) }]
    .flatMap((set) => set[spec.name] ?? [])
  const target = targetVersion(memory)
  const kept = [
    ...[previousSet?.[spec.name], assigned === undefined ? undefined : format(assigned)].flatMap((name) => name ?? []),
    ...stagedImages(memory).map(format),
    ...(target === undefined ? [] : [format(targetImage(spec, target))])
  ]
  const age = (name: string): number => history.findLastIndex((past) => same(split(past), split(name)))
  return pastSets.flatMap((set) => set[spec.name] ?? []).filter((candidate) =>
    !kept.some((name) => same(split(name), split(candidate)))
    && !memory.upgrade.users.some(({ image }) => same(image, split(candidate)))
    && Object.values(fleet).every(({ image, ranFor }) =>
      !sameRepository(split(image).repository, spec.repository)
      || (age(image) > age(candidate) && ranFor >= memory.policy.upgrade.pruneAge)
    )
  )
}

const removed = (turn: Turn, { image, outcome }: Extract<Input, { _tag: "ImageRemoved" }>): void => {
  if (turn.memory.upgrade.pruning !== image) return
  turn.setUpgrade({ pruning: undefined })
  const gone = outcome._tag === "Done" || (outcome._tag === "Refused" && outcome.kind === "NotFound")
  if (!gone) return turn.say("info", "NotPruned", `${image} was not removed from the NPU: ${outcome.reason}.`)
  const { [image]: _, ...held } = turn.memory.images.held
  turn.setImages({ held })
  turn.setDurable({
    pastSets: turn.memory.durable.pastSets.map((set) =>
      Object.fromEntries(Object.entries(set).filter(([, name]) => name !== image))
    ).filter((set) => Object.keys(set).length > 0)
  })
  turn.say("notice", "Pruned", `${image} is no longer on the NPU.`)
}
