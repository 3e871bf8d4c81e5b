/** Recordings read back from their file and run again; loaded only when somebody replays. */
import { createReadStream } from "node:fs"
import { createInterface } from "node:readline"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { type Replayed, ReplayError } from "../../src/cli/replay.ts"
import { decodeEntry, type RecordingEntry } from "../../src/decide/recording.ts"
import { replay } from "../../src/decide/replay.ts"

/** Replays one file; its last line may be cut short, since daemons are killed. */
export const replayFile = (path: string): Effect.Effect<Replayed, ReplayError> =>
  Effect.flatMap(lines(path), (read) => {
    const entries: Array<RecordingEntry> = []
    for (const [index, line] of read.entries()) {
      const entry = decodeEntry(line)
      if (Either.isRight(entry)) entries.push(entry.right)
      else if (index < read.length - 1) {
        return new ReplayError({ message: `${path}, line ${index + 1}: ${entry.left}` })
      }
    }
    return entries.length === 0
      ? new ReplayError({ message: `${path} holds no recording` })
      : Effect.try({
        try: () => replay(entries),
        catch: (error) =>
          new ReplayError({
            message: `${path} cannot be replayed; it may be of another version (${
              error instanceof Error ? error.message : String(error)
            })`
          })
      })
  })

const lines = (path: string): Effect.Effect<ReadonlyArray<string>, ReplayError> =>
  Effect.tryPromise({
    try: async () => {
      const read: Array<string> = []
      for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
        if (line !== "") read.push(line)
      }
      return read
    },
    catch: (error) => new ReplayError({ message: `${path} cannot be read: ${(error as Error).message}` })
  })
