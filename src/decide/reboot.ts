/** Telling a reboot of the NPU from the deaths of containers. */
import type { ContainerSpec } from "../model/catalogue.ts"
import type { Sighting } from "../model/look.ts"
import { sameId } from "./question.ts"
import type { Turn } from "./turn.ts"

/**
 * A reboot of the NPU is one event and nobody's crash: the transport broke and
 * then several containers (or the only one there is) had stopped, or were there anew
 * because the NPU's own units had made them; or, with the transport whole,
 * everything that ran had vanished without trace, and it is not long ago that
 * this was concluded last. Yields the containers that it concerns.
 */
export const concludeReboot = (
  turn: Turn,
  begun: number,
  sightings: ReadonlyMap<string, Sighting>
): ReadonlySet<string> => {
  const { memory, now } = turn
  // A daemon that looks for the first time knows from its memory alone what ran: what was made anew meanwhile, not what crashed.
  const first = memory.npu.broke && memory.specs.every((spec) => turn.watched(spec.name).lastClear === undefined)
  const ran = memory.specs.filter((spec) => {
    const watched = turn.watched(spec.name)
    if (first) return turn.record(spec.name).startedAt !== null && turn.record(spec.name).due === null
    return watched.lastClear === "Running" && watched.inFlight === undefined && begun >= watched.lastActionEnd
      && turn.record(spec.name).due === null && turn.record(spec.name).desired === "running"
  })
  const gone = first ? [] : ran.filter((spec) => {
    const sighting = sightings.get(spec.name)?._tag
    return sighting === "Stopped" || sighting === "Absent"
  })
  const anew = ran.filter((spec) => {
    const sighting = sightings.get(spec.name)
    return sighting?._tag === "Running" && !sameId(sighting.id, turn.record(spec.name).startedId)
  })
  const touched = gone.length + anew.length
  const several = touched > 0 && touched >= Math.min(2, memory.specs.length)
  const vanished = gone.length >= 2 && gone.length === ran.length
    && gone.every((spec) => sightings.get(spec.name)?._tag === "Absent")
    && now.mono - memory.npu.lastReboot > memory.policy.restart.payback
  if (!(several && memory.npu.broke) && !vanished) return new Set()
  turn.setNpu({ lastReboot: now.mono })
  const names = (specs: ReadonlyArray<ContainerSpec>): string => specs.map((spec) => spec.name).join(", ")
  turn.say(
    "warning",
    "NpuRebooted",
    [
      "The NPU seems to have restarted.",
      ...(gone.length === 0 ? [] : [`No longer there: ${names(gone)}; started again, and none is charged for it.`]),
      ...(anew.length === 0 ? [] : [`Made anew by somebody else: ${names(anew)}; taken over as they are.`])
    ].join(" ")
  )
  return new Set([...gone, ...anew].map((spec) => spec.name))
}
