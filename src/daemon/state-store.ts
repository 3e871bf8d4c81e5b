/** The port to the one file that holds the daemon's durable memory. */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/** The memory cannot be read or written; `reason` is a sentence for people. */
export class StateStoreError extends Data.TaggedError("StateStoreError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

export interface StateStoreService {
  /** Where the memory is, for messages. */
  readonly location: string
  /** The text last saved, or `undefined` where nothing ever was. */
  readonly load: Effect.Effect<string | undefined, StateStoreError>
  /** Replaces the text; when it returns, the new text survives loss of power. */
  readonly save: (text: string) => Effect.Effect<void, StateStoreError>
  /** Moves an unreadable text out of the way, never deleting it; says where to. */
  readonly setAside: Effect.Effect<string, StateStoreError>
}

export class StateStore extends Context.Tag("offloader/StateStore")<StateStore, StateStoreService>() {}
