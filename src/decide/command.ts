/** What operators' commands change in memory, and what they are answered. */
import { format } from "../model/image.ts"
import { sign } from "./audit.ts"
import { collapse } from "./collapse.ts"
import type { Command, DeploySubject, Input, Reply } from "./input.ts"
import { beginTransfer } from "./transfer.ts"
import type { Turn } from "./turn.ts"
import { obeyUpgrade } from "./upgrade/command.ts"
import { stagedImages } from "./upgrade/members.ts"

export const commanded = (turn: Turn, input: Extract<Input, { _tag: "Commanded" }>): void => {
  const { actor = nobodyKnown, command, id } = input
  const first = turn.events.length
  const reply = obeyed(turn, command, actor)
  turn.replies.push({ id, reply })
  const refused = "reason" in reply
  const operation = reply._tag === "Deploying" ? reply.operation : turn.operation()
  // The upgrade that the operator is told of: what is said of it here is found by its id as well.
  const upgrade = reply._tag === "Taken" ? reply.saga : undefined
  sign(turn, first, {
    actor,
    operation,
    ...(upgrade === undefined ? {} : { partOf: upgrade }),
    outcome: refused ? "refused" : "accepted"
  }, {
    severity: "notice",
    reason: refused ? "CommandRefused" : "CommandTaken",
    message: `An operator's command (${command._tag}) was ${refused ? `refused: ${reply.reason}` : "taken"}.`,
    ...(command._tag === "SetDesired" ? { container: command.container } : {})
  })
}

/** Whoever asks on the control socket may do so; who that is need not be told. */
const nobodyKnown = "unknown"

const obeyed = (turn: Turn, command: Command, actor: string): Reply => {
  switch (command._tag) {
    case "SetDesired":
      return setDesired(turn, command)
    case "Deploy":
      return deploy(turn, command.subject, actor)
    case "Retry":
      return retry(turn, command.containers)
    case "Upgrade":
    case "Rollback":
    case "Release":
    case "Pause":
      return obeyUpgrade(turn, command)
  }
}

const setDesired = (turn: Turn, command: Extract<Command, { _tag: "SetDesired" }>): Reply => {
  const { container: name, desired } = command
  const { mono, unsavable, wall } = turn.now
  if (unsavable !== undefined) {
    return { _tag: "NotRecorded", reason: `the intent could not be saved, so it was not taken: ${unsavable}` }
  }
  turn.setRecord(name, {
    desired,
    intentAt: new Date(wall).toISOString(),
    // An operator's word ends every wait.
    due: desired === "stopped" ? null : { at: mono, cause: turn.record(name).due?.cause ?? "Command" }
  })
  turn.setWatched(name, { intentMono: mono, stopTries: 0, nextStop: Number.NEGATIVE_INFINITY, foreignStarts: 0 })
  if (desired === "running") turn.setImages({ pace: {}, nextListing: Number.NEGATIVE_INFINITY })
  turn.look = true
  turn.say(
    "notice",
    desired === "running" ? "StartRequested" : "StopRequested",
    `An operator wants ${name} ${desired}.`,
    name
  )
  return { _tag: "Recorded", at: wall }
}

const deploy = (turn: Turn, subject: DeploySubject, actor: string): Reply => {
  const { transfer } = turn.memory.images
  if (transfer !== undefined) {
    return {
      _tag: "Busy",
      operation: transfer.operation,
      reason:
        `${transfer.subject} is being sent to the NPU (${transfer.operation}); one transfer goes at a time, so try again when it has ended`
    }
  }
  return { _tag: "Deploying", operation: beginTransfer(turn, subject, "Deploying", actor) }
}

/** What an upgrade waits for before it sends an image again. */
const hurryStaging = (turn: Turn): boolean => {
  const { nextListing, pace } = turn.memory.images
  const { mono } = turn.now
  const paced = stagedImages(turn.memory).map(format).filter((image) => (pace[image]?.at ?? mono) > mono)
  if (paced.length === 0 && nextListing <= mono) return false
  turn.setImages({
    nextListing: Number.NEGATIVE_INFINITY,
    pace: Object.fromEntries(
      Object.entries(pace).map(([image, entry]) => [image, paced.includes(image) ? { ...entry, at: mono } : entry])
    )
  })
  return paced.length > 0
}

/**
 * Ends the waits of containers; the ladder's level stays, so a try that fails is
 * followed by the wait that would have come anyway. Taken even while memory
 * cannot be saved: should the moment that it brings forward be lost, the old one
 * comes all the same.
 */
const retry = (turn: Turn, names: ReadonlyArray<string>): Reply => {
  const waited: Array<string> = []
  for (const spec of turn.memory.specs) {
    if (!names.includes(spec.name)) continue
    const waiting = collapse(turn, spec)
    if (waiting) waited.push(spec.name)
    turn.say(
      "notice",
      "RetryRequested",
      `An operator wants ${spec.name} tried at once${waiting ? "" : "; it was not waiting for a moment to come"}.`,
      spec.name
    )
  }
  if (hurryStaging(turn)) waited.push(...names.filter((name) => !waited.includes(name)))
  turn.look = true
  return { _tag: "Retrying", waited }
}
