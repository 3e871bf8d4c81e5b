/**
 * Killing the daemon with SIGKILL, at seeded moments and at every write of its
 * memory: whatever dies, the NPU receives exactly the starts that were due, and
 * what an operator was told holds.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

import { type Lab, offloadctl, startDaemon, startNpuSim, until } from "../../bin/lab.ts"
import { allRunning, calls, fault, makeSwitchAt, runForeign } from "./switch.ts"

const version = "20260101.1"

/** A hundred crashes in two minutes would climb the default ladder to its top. */
const quick = {
  restart: { base: "10ms", cap: "20ms" },
  monitoring: { period: "200ms" },
  health: { eagerPeriod: "50ms" }
}

const ready = Effect.gen(function*() {
  const lab = yield* makeSwitchAt(version)
  writeFileSync(join(lab.folder, "policy.json"), JSON.stringify(quick))
  const npu = yield* startNpuSim(lab)
  yield* runForeign(lab, npu.endpoint)
  return {
    lab,
    daemon: (env: Record<string, string> = {}) =>
      startDaemon(lab, npu.endpoint, ["--policy", join(lab.folder, "policy.json")], { env })
  }
})

const settled = (lab: Lab, desired: ReadonlyMap<string, boolean>) =>
  until(lab, "settled as desired", (list) =>
    list.npu.reachable === true && allRunning(list)
    && list.containers.every((one) => (one.desired === "running") === desired.get(one.name)))

const received = (lab: Lab, name: string): number =>
  calls(lab).filter(({ method, subject }) => method === "StartContainer" && subject === name).length

/** Repeats a command of the operator until it is confirmed. */
const confirmed = (lab: Lab, verb: "start" | "stop", name: string) =>
  offloadctl(lab, [verb, name, "--no-wait"]).pipe(
    Effect.repeat({ until: ({ code }) => code === 0 })
  )

describe("kill -9 of offloadd", () => {
  it.scopedLive("a hundred times at seeded moments: exactly the starts that were due", () =>
    Effect.gen(function*() {
      const { daemon, lab } = yield* ready
      const due = new Map(lab.containers.map(({ name }) => [name, 1]))
      const desired = new Map(lab.containers.map(({ name }) => [name, true]))
      yield* Effect.scoped(Effect.zipRight(daemon(), settled(lab, desired)))
      /** Its start was confirmed right before the last kill: it may not run yet, and then cannot crash. */
      let starting: string | undefined
      for (let kill = 0; kill < 100; kill += 1) {
        const name = lab.containers[yield* Random.nextIntBetween(0, lab.containers.length)]!.name
        // The database is crashed but never stopped: the others would rightly wait for it.
        const deed = name === lab.containers[0]!.name ? 0 : yield* Random.nextIntBetween(0, 4)
        const moment = yield* Random.nextIntBetween(0, 600)
        yield* Effect.scoped(Effect.gen(function*() {
          const running = yield* daemon()
          const killer = yield* Effect.fork(Effect.delay(running.signal("SIGKILL"), moment))
          if (desired.get(name) === true && deed === 0 && name !== starting) {
            yield* fault(lab, "crash", { container: name })
            due.set(name, due.get(name)! + 1)
          }
          yield* killer.await
          yield* running.exit
        }))
        yield* Effect.scoped(Effect.gen(function*() {
          const running = yield* daemon()
          yield* settled(lab, desired)
          starting = undefined
          if (deed === 1) {
            const run = desired.get(name) !== true
            // Confirmed, and killed right after: it holds all the same.
            yield* confirmed(lab, run ? "start" : "stop", name)
            yield* running.signal("SIGKILL")
            desired.set(name, run)
            if (run) {
              due.set(name, due.get(name)! + 1)
              starting = name
            }
          }
        }))
      }
      yield* daemon()
      yield* settled(lab, desired)
      for (const { name } of lab.containers) assert.strictEqual(received(lab, name), due.get(name), name)
    }).pipe(Effect.withRandom(Random.make("kill -9"))), 600_000)

  it.scopedLive("at every write of its memory: exactly the starts that were due", () =>
    Effect.gen(function*() {
      const { daemon, lab } = yield* ready
      const desired = new Map(lab.containers.map(({ name }) => [name, true]))
      const preload = join(import.meta.dirname, "kill-at-write.cjs")
      let crashes = 0
      let write = 1
      for (let survived = false; !survived; write += 1) {
        // One life: it is killed at its n-th write, before or after the file is replaced, or outlives its work.
        survived = yield* Effect.scoped(Effect.gen(function*() {
          const running = yield* daemon({ NODE_OPTIONS: `--require ${preload}`, KILL_AT_WRITE: String(write) })
          const name = lab.containers[2]!.name
          const alive = yield* Effect.raceFirst(
            Effect.as(settled(lab, desired), true),
            Effect.as(running.exit, false)
          )
          if (!alive) return false
          yield* fault(lab, "crash", { container: name })
          crashes += 1
          return yield* Effect.raceFirst(
            Effect.as(until(lab, "restarted", (list) => allRunning(list) && received(lab, name) === 1 + crashes), true),
            Effect.as(running.exit, false)
          )
        }))
        yield* Effect.scoped(Effect.zipRight(daemon(), settled(lab, desired)))
      }
      assert.isAbove(write, 5, "the daemon was killed at several writes")
      for (const [index, { name }] of lab.containers.entries()) {
        assert.strictEqual(received(lab, name), index === 2 ? 1 + crashes : 1, name)
      }
    }), 300_000)
})
