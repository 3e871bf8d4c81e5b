/** Running a recording through the step again: the same decisions, or where they differ. Pure. */
import type { Memory } from "./memory.ts"
import { canonical, type Decided, decidedOf, type RecordingEntry } from "./recording.ts"
import { step } from "./step.ts"

/** A turn in which something was decided, then or now. */
export interface ReplayedTurn {
  /** Counts the turns of the recording from 1. */
  readonly turn: number
  /** ISO 8601 UTC, by the wall clock of then. */
  readonly at: string
  readonly input: string
  readonly recorded: Decided
  readonly replayed: Decided
  readonly differs: boolean
}

export interface Replay {
  /** The product versions that recorded, in order. */
  readonly versions: ReadonlyArray<string>
  readonly turns: number
  /** Turns before the first whole memory: nothing can be said of them. */
  readonly skipped: number
  readonly decisions: ReadonlyArray<ReplayedTurn>
  /** Turns after which the whole memory was recorded and is another than the one replayed. */
  readonly otherMemory: ReadonlyArray<number>
}

export const replay = (entries: Iterable<RecordingEntry>): Replay => {
  const versions: Array<string> = []
  const decisions: Array<ReplayedTurn> = []
  const otherMemory: Array<number> = []
  let memory: Memory | undefined
  let turns = 0
  let skipped = 0
  for (const entry of entries) {
    if (entry._tag === "Memory") {
      if (versions.at(-1) !== entry.version) versions.push(entry.version)
      // A daemon that starts brings a memory of its own: operations count anew.
      const continues = memory !== undefined && entry.memory.operations >= memory.operations &&
        entry.memory.specs.length > 0
      if (memory !== undefined && continues && canonical(memory) !== canonical(entry.memory)) {
        otherMemory.push(turns)
      }
      memory = entry.memory
      continue
    }
    turns += 1
    if (memory === undefined) {
      skipped += 1
      continue
    }
    const output = step(memory, entry.input, entry.now)
    memory = output.memory
    const replayed = decidedOf(output)
    const differs = canonical(replayed) !== canonical(entry.decided)
    if (differs || isDecision(replayed)) {
      decisions.push({
        turn: turns,
        at: new Date(entry.now.wall).toISOString(),
        input: "container" in entry.input ? `${entry.input._tag} ${entry.input.container}` : entry.input._tag,
        recorded: entry.decided,
        replayed,
        differs
      })
    }
  }
  return { versions, turns, skipped, decisions, otherMemory }
}

const isDecision = ({ actions, events, replies }: Decided): boolean =>
  actions.length > 0 || events.length > 0 || replies.length > 0
