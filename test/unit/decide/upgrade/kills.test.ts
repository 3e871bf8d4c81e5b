/**
 * The saga and death: the daemon is killed after every single durable write of a
 * whole upgrade, good and bad, and comes back with what the file says.
 */
import { setImmediate } from "node:timers/promises"

import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"

import { specs } from "../bench.ts"
import { type Behaviour, UpgradeWorld } from "./world.ts"

interface Case {
  readonly name: string
  readonly service?: string
  readonly behaviour?: Behaviour
  readonly ends: "1.0" | "2.0"
}

const cases: ReadonlyArray<Case> = [
  { name: "a good version", ends: "2.0" },
  { name: "ha that crashes on start", service: "ha", behaviour: { crashes: 500 }, ends: "1.0" },
  { name: "gnmi that is never healthy", service: "gnmi", behaviour: { neverHealthy: true }, ends: "1.0" },
  { name: "a database that cannot be started", service: "database", behaviour: { refusesToStart: true }, ends: "1.0" }
]

/** What must hold at each call, whatever has happened before. */
const guarded = ({ behaviour, service }: Pick<Case, "behaviour" | "service">): UpgradeWorld => {
  const world = new UpgradeWorld()
  if (service !== undefined && behaviour !== undefined) world.behave(service, "2.0", behaviour)
  world.watch = (call) => {
    const { lastUpgrade, quarantine, upgrade } = world.memory.durable
    if (call._tag === "Stop") {
      for (const { previous } of upgrade?.members ?? []) {
        if (previous !== null) assert.isTrue(world.images.has(previous.image), `${previous.image} is the way back`)
      }
    }
    if (call._tag === "Start" && lastUpgrade?.outcome === "rolledBack" && upgrade === null) {
      assert.isFalse(quarantine.some(({ version }) => version === call.image.tag), "nothing quarantined is started")
    }
  }
  return world
}

const ends = (world: UpgradeWorld, version: string): void => {
  world.killer = () => false
  world.settle()
  assert.deepStrictEqual(world.versions(), specs.map(() => version))
  assert.isNull(world.memory.durable.upgrade)
  assert.strictEqual(
    world.memory.durable.lastUpgrade?.outcome ?? "committed",
    version === "2.0" ? "committed" : "rolledBack"
  )
  assert.isNull(world.memory.durable.degraded)
}

describe("the daemon killed in the midst of an upgrade", () => {
  it.each(cases)("at every durable write of $name ends as without", async ({ ends: version, ...about }) => {
    const undisturbed = guarded(about).upgradeTo("2.0")
    const first = undisturbed.saves
    undisturbed.settle()
    ends(undisturbed, version)
    const writes = undisturbed.saves - first
    assert.isAbove(writes, 5)
    for (let write = 0; write <= writes; write += 1) {
      // On a busy machine all of them take a minute, and the runner gives a worker up that is deaf for as long.
      await setImmediate()
      for (const before of [false, true]) {
        const world = guarded(about)
        world.killer = (saves) => saves === first + write
        world.killedBeforeSave = before
        world.upgradeTo("2.0").settle()
        assert.isAtMost(world.kills, 1)
        ends(world, version)
      }
    }
  })

  it("as often as it likes, and with outages between, ends as without", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...cases),
        fc.array(fc.record({ seconds: fc.integer({ min: 1, max: 40 }), kind: fc.constantFrom("kill", "outage") }), {
          maxLength: 8
        }),
        fc.integer({ min: 2, max: 30 }),
        (about, troubles, every) => {
          const world = guarded(about)
          const dies = troubles.length
          world.killer = (saves) => saves % every === 0 && world.kills < dies
          world.upgradeTo("2.0")
          for (const { kind, seconds } of troubles) {
            world.pass(seconds)
            if (kind === "kill") world.kill()
            else {
              world.reachable = false
              world.pass(seconds)
              world.reachable = true
            }
          }
          ends(world, about.ends)
        }
      ),
      { numRuns: 40 }
    )
  })

  it("never has more than one version of a set started once the saga is over", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({ seconds: fc.integer({ min: 1, max: 60 }), version: fc.constantFrom("1.0", "2.0", "3.0") }),
          {
            minLength: 1,
            maxLength: 6
          }
        ),
        fc.constantFrom(undefined, "2.0", "3.0"),
        fc.integer({ min: 3, max: 50 }),
        (changes, bad, every) => {
          const world = guarded({})
          world.offer("3.0")
          if (bad !== undefined) world.behave("ha", bad, { crashes: 500 })
          world.killer = (saves) => saves % every === 0 && world.kills < 10
          for (const { seconds, version } of changes) world.upgradeTo(version).pass(seconds)
          world.killer = () => false
          world.settle()
          const versions = new Set(world.versions())
          assert.strictEqual(versions.size, 1, [...versions].join())
          const wanted = changes.at(-1)!.version
          if (wanted !== bad) assert.deepStrictEqual([...versions], [wanted])
          else assert.notInclude([...versions], bad)
        }
      ),
      { numRuns: 40 }
    )
  })
})
