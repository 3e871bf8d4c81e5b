/** The one transfer: how it begins, and what is forgotten of those before it. */
import { format } from "../model/image.ts"
import { sign } from "./audit.ts"
import type { DeploySubject, RunningImage } from "./input.ts"
import type { Turn } from "./turn.ts"
import { bringing } from "./upgrade/members.ts"

/**
 * Begins the one transfer; the caller has seen that none is under way. An operator's is told each time (`Deploying`),
 * the offloader's own (`Transferring`) come again and again where an archive is missing.
 */
export const beginTransfer = (
  turn: Turn,
  subject: DeploySubject,
  reason: "Deploying" | "Transferring",
  actor?: string
): string => {
  const operation = turn.operation()
  const audit = {
    operation,
    ...(actor === undefined ? {} : { actor }),
    ...(subject._tag === "Image" ? bringing(turn.memory, subject.image) : {})
  }
  const text = subject._tag === "Image" ? format(subject.image) : subject.path
  turn.setImages({
    transfer: {
      operation,
      subject: text,
      image: subject._tag === "Image" ? text : undefined,
      since: turn.now.mono,
      audit
    }
  })
  const running = turn.memory.specs.flatMap(({ name }): ReadonlyArray<RunningImage> => {
    const { sighting } = turn.watched(name)
    return sighting._tag === "Running" ? [{ container: name, image: sighting.image }] : []
  })
  turn.actions.push({ _tag: "Deploy", operation, subject, running })
  const first = turn.events.length
  turn.say(
    "notice",
    reason,
    reason === "Deploying"
      ? `An operator wants ${text} on the NPU (${operation}).`
      : `Sending ${text} to the NPU (${operation}).`
  )
  sign(turn, first, audit)
  return operation
}

/** These images are tried from the beginning, should they be sent again. */
export const forgetFailures = (turn: Turn, images: ReadonlyArray<string>): void =>
  turn.setImages({ pace: without(turn.memory.images.pace, images) })

/** Whether the NPU holds these images is asked for again before it matters. */
export const forgetImages = (turn: Turn, images: ReadonlyArray<string>): void =>
  turn.setImages({ held: without(turn.memory.images.held, images) })

const without = <A>(known: Readonly<Record<string, A>>, images: ReadonlyArray<string>): Record<string, A> =>
  Object.fromEntries(Object.entries(known).filter(([image]) => !images.includes(image)))
