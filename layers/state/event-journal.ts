/** Events in a journal file beside the memory: what `events` no longer remembers can be read there. */
import { join } from "node:path"

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

import { EventSink } from "../../src/daemon/event-log.ts"
import { openJournal } from "./journal-file.ts"

/** 1 MiB a file, four files: some ten thousand events. */
const limits = { maximumSize: 1024 * 1024, keep: 3, durable: false }

/**
 * Writes each event to `events.jsonl` in the folder. A journal that cannot be
 * written is said once, and again after it could be: it never stops the daemon.
 */
export const layerEventJournal = (options: { readonly directory: string }): Layer.Layer<never> =>
  Layer.scoped(
    EventSink,
    Effect.gen(function*() {
      const path = join(options.directory, "events.jsonl")
      const complain = (reason: string) =>
        Effect.annotateLogs(Effect.logWarning("the event journal cannot be written"), { path, reason })
      const journal = yield* Effect.either(openJournal({ path, ...limits }))
      if (journal._tag === "Left") {
        yield* complain(journal.left.reason)
        return () => Effect.void
      }
      let well = true
      return (events) =>
        Effect.forEach(events, journal.right.append, { discard: true }).pipe(
          Effect.matchEffect({
            onSuccess: () => Effect.sync(() => void (well = true)),
            onFailure: (error) =>
              Effect.suspend(() => {
                const first = well
                well = false
                return first ? complain(error.reason) : Effect.void
              })
          })
        )
    })
  )
