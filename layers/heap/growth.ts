/**
 * Keeps the heap of a daemon at rest near what it holds. V8 lets a heap of this
 * size grow by 8 MiB before it collects it, which at a look each second takes some
 * 100 s: eight daemons would keep 8 MiB each of what is of no use any more. Here
 * it is collected after less, where there is a collector to ask.
 */
import { getHeapStatistics } from "node:v8"

import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

/** Bytes: less would be collected so often that the processor's share rises (docs/performance.md). */
const growth = 3 * 1024 * 1024
/** How often the heap's size is asked for: at rest it grows by some 0.4 MiB meanwhile. */
const period = "5 seconds"

interface Heap {
  /** Bytes that live objects and those not yet collected take. */
  readonly used: () => number
  /** Collects all of it. */
  readonly collect: (() => void) | undefined
}

/** There is a collector where the process was started with `--expose-gc`, as offloadd is. */
export const ofThisProcess = (): Heap => {
  const { gc } = globalThis as { readonly gc?: () => void }
  return {
    used: () => getHeapStatistics().used_heap_size,
    // Node 20's takes any argument at all for the wish that only the young generation be collected.
    collect: gc === undefined ? undefined : () => gc()
  }
}

/** Runs for ever; where there is no collector, there is nothing to do. */
export const keepSmall = (heap: Heap = ofThisProcess()): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { collect, used } = heap
    if (collect === undefined) return Effect.void
    let least = used()
    const look = Effect.sync(() => {
      const now = used()
      // V8 collects when it wants to as well, and growth counts from there.
      least = Math.min(least, now)
      if (now - least < growth) return
      collect()
      least = used()
    })
    return Effect.repeat(look, Schedule.spaced(period))
  })
