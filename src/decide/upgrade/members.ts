/** Questions about the set: which services are wrong, whether all are seen, what each is to run. */
import { isNotNull } from "effect/Predicate"

import type { ContainerSpec } from "../../model/catalogue.ts"
import type { Audit } from "../../model/event.ts"
import { format, type ImageRef, isShownAs, same, split } from "../../model/image.ts"
import { assignedImage, type Memory, recordOf, watchedOf } from "../memory.ts"
import { isFresh, runsAssigned } from "../question.ts"
import type { Member, Phase, Saga } from "./record.ts"

export const targetImage = (spec: ContainerSpec, version: string): ImageRef => ({
  repository: spec.repository,
  tag: version
})

/** The services whose version is known and is another. */
export const wrongServices = (memory: Memory, version: string): ReadonlyArray<ContainerSpec> =>
  memory.specs.filter((spec) => {
    const assigned = assignedImage(memory, spec.name)
    return assigned !== undefined && !same(assigned, targetImage(spec, version))
  })

/** A member whose way back is what its container was assigned. */
export const memberOf = (memory: Memory, spec: ContainerSpec, version: string): Member => {
  const assigned = assignedImage(memory, spec.name)
  return {
    container: spec.name,
    target: format(targetImage(spec, version)),
    digest: null,
    previous: assigned === undefined ? null : { image: format(assigned), id: null },
    side: "old",
    passed: false,
    restarts: 0,
    unready: 0
  }
}

export const specOf = (memory: Memory, member: Member): ContainerSpec | undefined =>
  memory.specs.find((spec) => spec.name === member.container)

/** Every image that the saga may have to start. The ways back come first: without them nothing is stopped. */
export const imagesOf = (saga: Saga): ReadonlyArray<ImageRef> => [
  ...waysBackOf(saga),
  ...(saga.kind === "rollback" ? [] : saga.members.map(({ target }) => split(target)))
]

export const waysBackOf = (saga: Saga): ReadonlyArray<ImageRef> =>
  saga.members.flatMap(({ previous }) => previous === null ? [] : [split(previous.image)])

/** Whether a member is still to be stopped for the switch, or may be as far as was seen. */
export const isUnswitched = (memory: Memory, { container, passed, side }: Member): boolean =>
  !passed &&
  (side === "old" || memory.specs.some((spec) => spec.name === container && runsAssigned(memory, spec) === false))

/** For which members of a saga images are staged. */
const stagedFor: Readonly<Record<Phase, (memory: Memory, member: Member) => boolean>> = {
  staging: () => true,
  switching: isUnswitched,
  probation: () => false,
  rollingBack: () => false
}

/** What a member of an upgrade may have to start, its way back first. */
export const needed = ({ previous, target }: Member): ReadonlyArray<string> =>
  previous === null ? [target] : [previous.image, target]

/** Every image that is to be on the NPU ahead of its start: the saga's, while it switches those of what is still to be stopped, or those that an operator wants there. */
export const stagedImages = (memory: Memory): ReadonlyArray<ImageRef> => {
  const { staged, upgrade } = memory.durable
  if (upgrade !== null) {
    const isNeeded = stagedFor[upgrade.phase]
    return imagesOf({
      ...upgrade,
      members: upgrade.members.filter((member) => specOf(memory, member) !== undefined && isNeeded(memory, member))
    })
  }
  return staged === null ? [] : memory.specs.map((spec) => targetImage(spec, staged))
}

/** How often the transfer of an image has failed in a row. */
export const failedTries = (memory: Memory, image: string): number => memory.images.pace[image]?.level ?? 0

/** The first service that no clear and fresh look shows, or undefined where all are seen. */
export const unseen = (memory: Memory): ContainerSpec | undefined =>
  memory.specs.find((spec) => {
    const watched = watchedOf(memory, spec.name)
    return watched.sighting._tag === "Unknown" || (watched.inFlight === undefined && !isFresh(watched))
  })

/** The instance that is Running as its saga has it, or undefined. */
export const runningInstance = (memory: Memory, spec: ContainerSpec): string | undefined => {
  const watched = watchedOf(memory, spec.name)
  if (watched.inFlight !== undefined || !isFresh(watched) || watched.sighting._tag !== "Running") return undefined
  return runsAssigned(memory, spec) === true ? watched.sighting.id : undefined
}

/** Of what the catalogue no longer has nothing is wanted. */
export const isWantedRunning = (memory: Memory, member: Member): boolean =>
  specOf(memory, member) !== undefined && recordOf(memory, member.container).desired === "running"

/** Whether a version is one that the saga may have started, late as it may come. */
export const isOfSaga = (memory: Memory, spec: ContainerSpec, version: string): boolean =>
  memory.durable.upgrade?.members.some(({ container, previous, target }) =>
    container === spec.name
    && (split(target).tag === version || (previous !== null && split(previous.image).tag === version))
  ) === true

/** Whether a member is assigned what it would go back to: not so where this saga took over from one on probation. */
export const isAtWayBack = (memory: Memory, { container, previous }: Member): boolean =>
  previous === null || memory.durable.containers[container]?.assigned === previous.image

/** Of which upgrade a transfer of this image is a step. */
export const bringing = ({ durable: { upgrade } }: Memory, image: ImageRef): Pick<Audit, "partOf"> =>
  upgrade !== null && imagesOf(upgrade).some((one) => same(one, image)) ? { partOf: upgrade.id } : {}

/** Of which upgrade it is a step to stop, remove or start this container. */
export const changing = ({ durable: { upgrade } }: Memory, container: string): Pick<Audit, "partOf"> =>
  upgrade !== null && upgrade.phase !== "staging" && upgrade.members.some((member) => member.container === container)
    ? { partOf: upgrade.id }
    : {}

/**
 * The version of an image that has lost its name and is shown by its id: the
 * saga recorded the ids of what it may start. Where both sides are one image, it
 * is what the container is assigned.
 */
export const versionById = (memory: Memory, container: string, shown: ImageRef): string | undefined => {
  const members = memory.durable.upgrade?.members.filter((member) => member.container === container) ?? []
  const known = members.flatMap(({ digest, previous, target }) => [{ image: target, id: digest }, previous])
    .filter(isNotNull)
    .filter(({ id }) => id !== null && isShownAs(shown, id))
    .map(({ image }) => image)
  const { assigned } = recordOf(memory, container)
  const [version] = [...known.filter((image) => image === assigned), ...known].map((image) => split(image).tag)
  return version
}

/** Whether the saga is in the midst of changing this container. */
export const isSwitching = (memory: Memory, container: string): boolean => {
  const saga = memory.durable.upgrade
  return saga !== null && saga.phase !== "staging"
    && saga.members.some((member) => member.container === container && !member.passed)
}
