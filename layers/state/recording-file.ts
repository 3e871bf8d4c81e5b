/** Recordings in a file of JSON lines, bounded and rotated; written behind the daemon's back. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"

import { Recorder } from "../../src/daemon/recorder.ts"
import { encodeEntry, type RecordingEntry } from "../../src/decide/recording.ts"
import { type JournalError, openJournal } from "./journal-file.ts"

/** 32 MiB a file, three files: some ten hours of looks every second each. */
const limits = { maximumSize: 32 * 1024 * 1024, keep: 2, durable: false }

/** Entries that may wait for a slow disk; the recording says where more came. */
const waiting = 4096

export interface RecordingOptions {
  readonly path: string
  /** The product's version. */
  readonly version: string
}

/** Fails with JournalError where the file cannot be opened; a disk that fails later ends the recording, never the daemon. */
export const layerRecordingFile = ({ path, version }: RecordingOptions): Layer.Layer<never, JournalError> =>
  Layer.scoped(
    Recorder,
    Effect.gen(function*() {
      const journal = yield* openJournal({ path, ...limits })
      const queue = yield* Queue.dropping<RecordingEntry>(waiting)
      const write = (entry: RecordingEntry) => journal.append(JSON.parse(encodeEntry(entry)))
      const writer = Effect.forever(Effect.flatMap(Queue.take(queue), write)).pipe(
        Effect.catchAll((error) =>
          Effect.annotateLogs(Effect.logWarning("The recording cannot be written; it ends here."), {
            path,
            reason: error.reason
          })
        )
      )
      yield* Effect.forkScoped(writer)
      // What still waits at the end is written, as far as the disk takes it.
      yield* Effect.addFinalizer(() =>
        Effect.ignore(Effect.flatMap(Queue.takeAll(queue), (left) => Effect.forEach(left, write, { discard: true })))
      )
      return { version, record: (entry) => Effect.asVoid(Queue.offer(queue, entry)) }
    })
  )
