/** The one place that changes what containers are assigned, and thereby what recovery brings about. */
import type { ContainerSpec } from "../../model/catalogue.ts"
import { format } from "../../model/image.ts"
import { assignedImage } from "../memory.ts"
import { reckon } from "../owe.ts"
import type { Turn } from "../turn.ts"
import { restartClock } from "./clock.ts"
import { changeMember } from "./count.ts"
import { specOf } from "./members.ts"
import type { Member, Saga } from "./record.ts"

/**
 * Assigns a member the image of a side. Stop, removal and start follow from it as
 * from any other debt, at once, or in this DPU's turn after a reboot of the NPU:
 * another image begins with an empty ladder.
 */
export const turnTo = (turn: Turn, saga: Saga, member: Member, side: Member["side"]): Saga => {
  const spec = specOf(turn.memory, member)
  const image = side === "new" ? member.target : member.previous?.image
  const changed = changeMember(turn, saga, member.container, () => ({
    side,
    passed: false,
    restarts: 0,
    unready: 0
  }))
  restartClock(turn, member.container)
  if (spec === undefined || image === undefined) return changed
  assign(turn, spec, image, saga)
  return changed
}

const assign = (turn: Turn, spec: ContainerSpec, image: string, saga: Saga): void => {
  const record = turn.record(spec.name)
  // The way back from one that took over from another may be what it was brought to: its ladder is that image's own.
  if (record.assigned === image) return reckon(turn, spec)
  const before = assignedImage(turn.memory, spec.name)
  const itsTurn = record.due?.cause === "NpuReboot" ? record.due.at : turn.now.mono
  turn.setRecord(spec.name, {
    assigned: image,
    level: 0,
    due: record.desired === "stopped" ? null : { at: Math.max(turn.now.mono, itsTurn), cause: "WrongVersion" },
    lastReason: `a switch from ${before === undefined ? "nothing" : format(before)} to ${image}`
  })
  turn.say(
    "notice",
    "Switching",
    `${spec.name} goes ${before === undefined ? "" : `from ${format(before)} `}to ${image} (${saga.id})${
      record.desired === "stopped" ? "; an operator stopped it, so it is not started" : ""
    }.`,
    spec.name
  )
  // It may run already what it has just been assigned.
  reckon(turn, spec)
}
