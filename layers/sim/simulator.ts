/** The Simulator, fulfilled: a world from the seed, the plan's faults, run to its end in one go. */
import * as Effect from "effect/Effect"
import { globalValue } from "effect/GlobalValue"
import * as Layer from "effect/Layer"

import { type RunOptions, Simulator } from "../../src/simulate/simulator.ts"
import type { Entry } from "../../src/simulate/trace.ts"
import * as Faults from "./faults.ts"
import { badVersions, versions } from "./images.ts"
import { assigned, World } from "./world.ts"

export const layer: Layer.Layer<Simulator> = Layer.succeed(Simulator, {
  containers: assigned,
  versions,
  badVersions,
  run: (options) => Effect.sync(() => withoutLeftovers(() => run(options)))
})

const run = (options: RunOptions): void => {
  let going = true
  const record = (entry: Entry): void => {
    if (going && !options.watch(entry)) going = false
  }
  const world = new World({ seed: options.seed, dpus: options.dpus, surroundings: options.surroundings, record })
  world.time.at(options.length, () => {
    Faults.forget(world)
    record({ _tag: "Quiet", at: world.time.now })
  })
  for (const dpu of world.dpus) dpu.setVersion(versions[0])
  Faults.arrange(world, options.plan, options.seed, record)
  for (const dpu of world.dpus) dpu.start()
  world.time.run(options.length + options.quiet, world.queue, () => !going)
  for (const dpu of world.dpus) dpu.discard()
}

/** Effect's register of the fibers that nobody else owns; it is global, and keeps each until it ends. */
const register = globalValue(Symbol.for("effect/FiberScope/Global"), () => ({ roots: new Set<unknown>() }))

/**
 * The fibers of killed daemons never end, and `Effect.never` holds a real timer:
 * each of these would keep the whole world of a run in memory after it.
 */
const withoutLeftovers = (body: () => void): void => {
  const { setInterval: genuine } = globalThis
  const held: Array<NodeJS.Timeout> = []
  const before = new Set(register.roots)
  globalThis.setInterval = (callback: () => void, millis?: number) => {
    const timer = genuine(callback, millis)
    held.push(timer)
    return timer
  }
  try {
    body()
  } finally {
    globalThis.setInterval = genuine
    for (const timer of held) clearInterval(timer)
    for (const fiber of register.roots) {
      if (!before.has(fiber)) register.roots.delete(fiber)
    }
  }
}
