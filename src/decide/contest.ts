/**
 * Contention: signs that somebody else has a hand on one of our containers. It
 * is said, and nobody is fought at full speed: what stops climbs the restart
 * ladder, what is started against an operator's stop is stopped at the pace of
 * `transfer`. What was there before us is adopted, never contested.
 */
import type { ContainerSpec } from "../model/catalogue.ts"
import { format } from "../model/image.ts"
import type { Sighting } from "../model/look.ts"
import { baseDelay } from "../policy/ladder.ts"
import type { Watched } from "./memory.ts"
import { assignedImage, targetVersion } from "./memory.ts"
import type { Turn } from "./turn.ts"
import { isOfSaga } from "./upgrade/members.ts"

type Running = Extract<Sighting, { _tag: "Running" }>

/** A sign of somebody else; said when it is the first, or of another kind than the last. */
export const contested = (turn: Turn, spec: ContainerSpec, reason: string, message: string): void => {
  const before = turn.watched(spec.name).contest
  turn.setWatched(spec.name, { contest: { reason, message, last: turn.now.mono } })
  if (before?.reason !== reason) {
    turn.say("warning", "Contested", `${spec.name}: ${message}. It is not fought over at full speed.`, spec.name)
  }
}

/** Without further signs it is over after a while. */
export const forgetContest = (turn: Turn, spec: ContainerSpec): void => {
  const { contest } = turn.watched(spec.name)
  if (contest === undefined || turn.now.mono - contest.last < turn.memory.policy.contention.quiet) return
  turn.setWatched(spec.name, { contest: undefined, soonStops: 0 })
  turn.say("notice", "ContestOver", `Nobody else has touched ${spec.name} for a while.`, spec.name)
}

/** A container of ours stopped or vanished without our asking; `before` is how it was known. */
export const noteStop = (turn: Turn, spec: ContainerSpec, before: Watched): void => {
  const { contention } = turn.memory.policy
  const { startedAt } = turn.record(spec.name)
  const ranFor = startedAt === null ? Number.POSITIVE_INFINITY : turn.now.mono - startedAt
  // One that never answered dies of itself.
  if (spec.probe !== undefined && !before.probe.everHealthy) return
  const soonStops = ranFor <= contention.soon ? before.soonStops + 1 : 0
  turn.setWatched(spec.name, { soonStops })
  if (soonStops < contention.stops) return
  contested(
    turn,
    spec,
    "StoppedAgain",
    `it stopped ${soonStops} times in a row within ${contention.soon / 1000} s of its start${
      spec.probe === undefined ? "" : ", although it had answered its probe"
    }: where it does not crash, somebody else stops it`
  )
}

/** Somebody started what an operator wants stopped: each further time it is stopped later. */
export const noteForeignStart = (turn: Turn, spec: ContainerSpec, before: Watched): void => {
  const foreignStarts = before.foreignStarts + 1
  const wait = foreignStarts === 1 ? 0 : baseDelay(turn.memory.policy.transfer, foreignStarts - 1)
  turn.setWatched(spec.name, { foreignStarts, nextStop: turn.now.mono + wait })
  // The first may still be a start of ours that was slow to take effect.
  if (foreignStarts === 1) return
  contested(
    turn,
    spec,
    "StartedAgain",
    `somebody has started it ${foreignStarts} times, although an operator wants it stopped`
  )
}

/** Whether what runs is of a version that we could not have started. */
export const isForeignVersion = (turn: Turn, spec: ContainerSpec, sighting: Running): boolean => {
  const { owned, startedVersion } = turn.record(spec.name)
  return owned && startedVersion !== null && sighting.version !== undefined
    && sighting.version !== startedVersion && sighting.version !== targetVersion(turn.memory)
    && sighting.version !== assignedImage(turn.memory, spec.name)?.tag && !isOfSaga(turn.memory, spec, sighting.version)
}

export const noteForeignVersion = (turn: Turn, spec: ContainerSpec, sighting: Running): void =>
  contested(
    turn,
    spec,
    "ForeignVersion",
    `it runs ${format(sighting.image)}, which the offloader did not start`
  )
