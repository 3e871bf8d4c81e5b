/** The engine on Effect's clock: its time, and the fibers that wake it when something is due. */
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"

import type { EngineOptions } from "./engine/core.ts"
import { Engine } from "./engine/engine.ts"

/**
 * An engine whose crashes, ends of stops and restarts happen when the current
 * Clock says so, real or simulated, until the scope closes.
 */
export const make = (options: Omit<EngineOptions, "now" | "wake">): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const fork = yield* FiberSet.makeRuntime<never>()
    const armed = new Set<number>()
    const now = () => clock.unsafeCurrentTimeMillis()

    const wake = (at: number): void => {
      if (at === Number.POSITIVE_INFINITY || armed.has(at)) return
      armed.add(at)
      fork(Effect.zipRight(
        Effect.sleep(Math.max(0, at - now())),
        Effect.sync(() => {
          armed.delete(at)
          // A real timer may fire a little early; then this arms it again.
          engine.settle()
          wake(engine.nextDue())
        })
      ))
    }

    const engine = new Engine({ ...options, now, wake: (at) => wake(at) })
    return engine
  })
