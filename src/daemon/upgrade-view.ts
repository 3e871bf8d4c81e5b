/** What the control API shows of upgrades, made from memory by the same words that the step acts on. */
import type { ImagesView, UpgradeView } from "../control/upgrade-views.ts"
import { apiVersion } from "../control/views.ts"
import { dpuVersion, type Memory, type Moment, recordOf, targetVersion } from "../decide/memory.ts"
import { isHeld } from "../decide/question.ts"
import { degradedText, explain } from "../decide/upgrade/explain.ts"
import { isKeeping } from "../decide/upgrade/keep.ts"
import { failedTries, stagedImages, targetImage } from "../decide/upgrade/members.ts"
import type { Member, Saga } from "../decide/upgrade/record.ts"
import { format, type ImageRef, same, split, type StoredImage } from "../model/image.ts"
import { knownBytes, missingBytes, type Room } from "../model/room.ts"
import { npuView, versionUnreadable } from "./views.ts"

export const upgradeView = (memory: Memory, endpoint: string, now: Moment): UpgradeView => {
  const { durable, policy } = memory
  const { upgrade: saga } = durable
  const { advice, message, next, reason, until } = explain(memory, now.mono)
  const staged = stagedImages(memory)
  return {
    apiVersion,
    npu: npuView(memory, endpoint),
    dpuVersion: dpuVersion(memory) ?? null,
    versionUnreadable: versionUnreadable(memory),
    targetVersion: targetVersion(memory) ?? null,
    paused: durable.paused,
    degraded: degradedText(memory),
    phase: saga?.phase ?? "idle",
    id: saga?.id ?? null,
    kind: saga?.kind ?? null,
    version: saga?.version ?? null,
    reason,
    message,
    next: next ?? null,
    advice: advice ?? null,
    until: until === undefined ? null : new Date(now.wall + until - now.mono).toISOString(),
    refused: (saga === null || saga.phase === "staging") &&
      staged.some((image) => failedTries(memory, format(image)) >= policy.upgrade.stageTries),
    room: Object.entries(memory.images.pace).flatMap(([image, { room }]) =>
      room === undefined ? [] : [roomOf(image, room)]
    ),
    services: memory.specs.map(({ name }) => {
      const member = saga?.members.find(({ container }) => container === name)
      return {
        container: name,
        image: recordOf(memory, name).assigned,
        desired: recordOf(memory, name).desired,
        target: saga === null || member === undefined ? null : goalOf(saga, member),
        wayBack: member?.previous?.image ?? null,
        state: saga === null || member === undefined ? "unchanged" : stateOf(saga, member)
      }
    }),
    staged: stagedView(memory),
    quarantine: durable.quarantine.map(({ at, images, reason: why, version }) => ({
      version,
      images: images.map(({ digest, image }) => ({ image, digest })),
      reason: why,
      at
    })),
    last: durable.lastUpgrade === null ? null : pick(durable.lastUpgrade)
  }
}

/** What an operator wants staged; an upgrade to that very version brings it itself. */
const stagedView = (memory: Memory): UpgradeView["staged"] => {
  const { staged: version, upgrade: saga } = memory.durable
  if (version === null) return null
  if (saga?.kind === "upgrade" && saga.version === version) return null
  const images = stagedImages(memory)
  return {
    version,
    // With what the DPU runs now in the state folder: where it cannot be kept, that too is known by then.
    ready: saga === null && images.length > 0 && images.every((image) => isHeld(memory, image) === true)
      && !isKeeping(memory),
    waits: saga === null
      ? null
      : `staging waits until ${saga.id} is ${isGoingBack(saga) ? "rolled back" : "committed"}`
  }
}

const roomOf = (image: string, room: Room): UpgradeView["room"][number] => ({
  image,
  needed: room.needed,
  free: room.free ?? null,
  missing: missingBytes(room) ?? null,
  held: knownBytes(room),
  holdings: room.holdings.map(({ bytes = null, id, names, usedBy }) => ({ names, id, bytes, usedBy }))
})

const pick = ({ at, id, kind, outcome, reason, version }: NonNullable<Memory["durable"]["lastUpgrade"]>) => ({
  id,
  kind,
  version,
  outcome,
  reason,
  at
})

const isGoingBack = ({ kind, phase }: Saga): boolean => kind === "rollback" || phase === "rollingBack"

const goalOf = (saga: Saga, { passed, previous, target }: Member): string | null => {
  if (!isGoingBack(saga)) return target
  return saga.phase === "rollingBack" && passed ? null : previous?.image ?? null
}

const stateOf = ({ phase }: Saga, { passed, side }: Member): string => {
  switch (phase) {
    case "staging":
      return "to be switched"
    case "rollingBack":
      return passed ? "back" : "being brought back"
    default:
      return side === "old" ? "to be switched" : passed ? "switched" : "being switched"
  }
}

/** The catalogue's images in a list of the NPU, and what each is to this DPU. */
export const imagesView = (memory: Memory, rows: ReadonlyArray<StoredImage>): ImagesView => ({
  apiVersion,
  images: rows.flatMap((row) =>
    row.tags.flatMap((tag): ReadonlyArray<ImagesView["images"][number]> => {
      const image = { repository: row.repository, tag }
      if (!memory.specs.some((spec) => same(targetImage(spec, tag), image))) return []
      return [{
        image: format(image),
        id: row.id,
        version: tag,
        usedBy: memory.upgrade.users.filter((user) => same(user.image, image)).map(({ container }) => container),
        roles: rolesOf(memory, image)
      }]
    })
  )
})

const rolesOf = (memory: Memory, image: ImageRef): ReadonlyArray<string> => {
  const { durable } = memory
  const target = targetVersion(memory)
  const among = (images: ReadonlyArray<string>): boolean => images.some((name) => same(split(name), image))
  const roles: ReadonlyArray<readonly [string, boolean]> = [
    ["running", among(memory.specs.flatMap(({ name }) => recordOf(memory, name).assigned ?? []))],
    ["target", target !== undefined && image.tag === target],
    ["way back", among(durable.upgrade?.members.flatMap(({ previous }) => previous?.image ?? []) ?? [])],
    ["previous", among(Object.values(durable.previousSet ?? {}))],
    ["staged", durable.staged !== null && image.tag === durable.staged],
    ["quarantined", among(durable.quarantine.flatMap(({ images }) => images.map((entry) => entry.image)))],
    ["past", among(durable.pastSets.flatMap((set) => Object.values(set)))]
  ]
  return roles.filter(([, holds]) => holds).map(([role]) => role)
}
