/**
 * Supervision of the daemon's long-lived fibers: one that ends, however it ends,
 * is said and started again by policy; where that does not help, the daemon goes
 * down with the reason, and the system's own supervisor takes over.
 */
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import { monotonic } from "../model/monotonic.ts"
import type { Policy } from "../policy/policy.ts"

/** A long-lived fiber died too often. */
export class FiberGaveUp extends Data.TaggedError("FiberGaveUp")<{ readonly name: string; readonly reason: string }> {
  override get message(): string {
    return `the ${this.name} died too often; the last time: ${this.reason}`
  }
}

/** Runs `body` for ever; it is expected never to end by itself. */
export const supervise = <E, R>(
  name: string,
  body: Effect.Effect<unknown, E, R>,
  policy: Policy["supervision"]
): Effect.Effect<never, FiberGaveUp, R> =>
  Effect.gen(function*() {
    let deaths: ReadonlyArray<number> = []
    while (true) {
      const exit = yield* Effect.exit(body)
      if (exit._tag === "Failure" && Cause.isInterruptedOnly(exit.cause)) return yield* Effect.interrupt
      const reason = exit._tag === "Success" ? "it ended by itself" : firstLine(Cause.pretty(exit.cause))
      const mono = yield* monotonic
      deaths = [...deaths.filter((death) => mono - death < policy.window), mono]
      const annotations = { fiber: name, deaths: deaths.length, reason }
      if (deaths.length > policy.restarts) {
        return yield* new FiberGaveUp({ name, reason })
      }
      yield* Effect.annotateLogs(Effect.logError("A long-lived fiber died; it is started again."), annotations)
      yield* Effect.sleep(Duration.millis(policy.backoff))
    }
  })

const firstLine = (text: string): string => text.split("\n")[0] ?? text
