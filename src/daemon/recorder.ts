/** The port that keeps a recording of what goes into the step; nobody does by default. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

import type { RecordingEntry } from "../decide/recording.ts"

export interface RecorderService {
  /** The product's version, for the recording; undefined where nobody records. */
  readonly version: string | undefined
  /** Never fails and never waits for a disk. */
  readonly record: (entry: RecordingEntry) => Effect.Effect<void>
}

export class Recorder extends Context.Reference<Recorder>()("offloader/Recorder", {
  defaultValue: (): RecorderService => ({ version: undefined, record: () => Effect.void })
}) {}

/** Turns after which the whole memory is recorded again. */
export const turnsBetweenMemories = 1000
