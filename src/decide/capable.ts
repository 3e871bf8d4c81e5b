/**
 * What the NPU's server cannot do, as far as it matters to a decision: what it
 * does not offer is said and waited for, never tried again and again.
 */
import { type Capability, deedsOf, sameSpeech, type Speech } from "../model/speech.ts"
import type { Memory } from "./memory.ts"
import type { Turn } from "./turn.ts"

/** What the NPU is known not to offer of these. */
export const lacking = (memory: Memory, needs: ReadonlyArray<Capability>): ReadonlyArray<Capability> => {
  const missing = memory.npu.speech?.missing ?? []
  return needs.filter((need) => missing.includes(need))
}

/** What keeping a service running takes; logs are a convenience. */
const vital: ReadonlyArray<Capability> = ["list", "start", "stop", "remove", "images", "deploy"]

export const lackingVital = (memory: Memory): ReadonlyArray<Capability> => lacking(memory, vital)

/** Its containers show in no list: their probes are all there is to see of them. */
export const isUnlisted = (memory: Memory): boolean => lacking(memory, ["list"]).length > 0

/** Folds what the NPU turned out to speak. */
export const spoken = (turn: Turn, speech: Speech): void => {
  const before = turn.memory.npu.speech
  if (sameSpeech(before, speech)) return
  turn.setNpu({ speech, speechSince: turn.now })
  const missing = lackingVital(turn.memory)
  const known = `The NPU's server ${
    speech.dialect === "none" ? "has no gNOI Containerz" : `speaks the ${speech.dialect} dialect of Containerz`
  }, as its ${speech.by === "reflection" ? "reflection says" : "answers show"}.`
  if (missing.length > 0) {
    turn.say(
      "warning",
      "MissingCapabilities",
      `${known} It cannot ${deedsOf(missing)}; that is not tried until it can.`
    )
  } else if (before === undefined || before.dialect !== speech.dialect || before.missing.length > 0) {
    turn.say("notice", "Dialect", known)
  }
}
