/**
 * Before the first stop, what the set would go back to is kept in the state
 * folder where the DPU has it and has room: after a change of the DPU's own
 * image, neither its engine nor its images folder may have the old set any more.
 * What cannot be kept is said, and the upgrade goes on.
 */
import { format, split } from "../../model/image.ts"
import { sign } from "../audit.ts"
import type { Input } from "../input.ts"
import { assignedImages } from "../memory.ts"
import type { Turn } from "../turn.ts"
import { waysBackOf } from "./members.ts"

/** Asks for it, once for each set. Whether that has ended. */
export const keepArchives = (turn: Turn): boolean => {
  const { durable, upgrade: { keeping } } = turn.memory
  // Before there is a saga, what is assigned is what it will go back to.
  const images = durable.upgrade === null ? assignedImages(turn.memory) : waysBackOf(durable.upgrade)
  const set = images.map(format).join(" ")
  if (keeping.set === set) return !isKeeping(turn.memory)
  const operation = turn.operation()
  turn.setUpgrade({ keeping: { operation, set, since: turn.now.mono } })
  // Kept until the commit plus one version, like the images themselves.
  const spare = Object.values(durable.previousSet ?? {}).map(split)
  turn.actions.push({ _tag: "KeepArchives", operation, images, spare })
  return false
}

/** Whether what was asked for last has not ended yet. */
export const isKeeping = ({ upgrade }: Turn["memory"]): boolean => upgrade.kept !== upgrade.keeping.operation

/** Folds the end of it. */
export const archivesKept = (
  turn: Turn,
  { kept, notKept, operation }: Extract<Input, { _tag: "ArchivesKept" }>
): void => {
  // The list of images has grown old meanwhile: the first stop follows upon a fresh one.
  turn.setUpgrade({ kept: operation, imagesFresh: false })
  const first = turn.events.length
  if (kept.length > 0) {
    turn.say("info", "ArchivesKept", `The state folder has the archives of the way back: ${kept.join(", ")}.`)
  }
  for (const { image, reason } of notKept) {
    turn.say(
      "notice",
      "ArchiveNotKept",
      `The state folder has no archive of ${image}: ${reason}. The upgrade goes on; its way back is the image on the NPU.`
    )
  }
  const saga = turn.memory.durable.upgrade
  sign(turn, first, {
    operation,
    ...(saga === null ? {} : { partOf: saga.id }),
    outcome: notKept.length === 0 ? "done" : "failed",
    duration: turn.now.mono - turn.memory.upgrade.keeping.since
  })
}
