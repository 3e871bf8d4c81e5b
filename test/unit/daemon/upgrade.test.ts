import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import type { Engine } from "../../../layers/npu-sim/engine/engine.ts"
import { makeWorld, names, pass, version } from "./world.ts"

const [database, gnmi, ha] = names as [string, string, string]

/** Somebody else has brought an image to the NPU. */
const load = (engine: Engine, name: string, tag: string, architecture: string): void => {
  const begun = Either.getOrThrow(engine.beginDeploy({ name, tag, imageSize: "2000000" }))
  engine.receive(begun, 2_000_000)
  engine.finishDeploy(begun, {
    images: [{ configDigest: `sha256:${"f".repeat(64)}`, repoTags: [`${name}:${tag}`], architecture, labels: {} }],
    unpackedBytes: 2_000_000
  })
}

describe("an upgrade of the daemon's", () => {
  it.scoped("that finds no room says who holds it, the largest in words and all in the plan", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0", "2.0"])
      load(world.engine, "docker-telemetry", "0.9", "amd64")
      const daemon = yield* world.boot
      yield* pass(5000)
      world.engine.fillDisk(300_000)
      yield* world.setVersion(version("2.0"))
      yield* pass(20_000)
      const { message, room } = yield* daemon.plan
      const refused = (yield* daemon.events).find(({ reason }) => reason === "UpgradeRefused")
      for (const said of [message, refused?.message ?? ""]) {
        assert.include(said, "it needs 1 MB, of which 1 MB are missing; the NPU holds 4 images (3 MB of known size)")
        assert.include(said, `(1 MB, used by ${database})`)
        assert.include(said, "1 of them unused")
        assert.include(said, "; and 1 more")
      }
      assert.deepStrictEqual(
        room.map(({ free, held, image, missing, needed }) => ({ image, needed, free, missing, held })),
        ["docker-database:2.0", "docker-sonic-gnmi:2.0", "docker-dash-ha:2.0"].map((image) => ({
          image,
          needed: 1_000_000,
          free: 300_000,
          missing: 700_000,
          held: 3_000_000
        }))
      )
      assert.deepStrictEqual(
        room[0]?.holdings.map(({ bytes, names: called, usedBy }) => [called[0], bytes, usedBy]),
        [
          ["docker-database:1.0", 1_000_000, [database]],
          ["docker-sonic-gnmi:1.0", 1_000_000, [gnmi]],
          ["docker-dash-ha:1.0", 1_000_000, [ha]],
          ["docker-telemetry:0.9", null, []]
        ]
      )
      const [failed] = (yield* daemon.events).filter(({ reason }) => reason === "DeployFailed")
      assert.deepInclude(failed?.sent, { image: "docker-database:2.0", bytes: 0 })
      world.engine.clearDisk()
      yield* pass(70_000, 100)
      assert.deepStrictEqual((yield* daemon.plan).room, [])
    }))

  it.scoped("finds an image of another architecture on the NPU by its service's not running, and goes back", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0", "2.0"])
      load(world.engine, "docker-dash-ha", "2.0", "arm64")
      const daemon = yield* world.boot
      yield* pass(5000)
      yield* world.setVersion(version("2.0"))
      yield* pass(55_000, 50)
      assert.notDeepInclude(
        world.calls,
        { method: "Deploy", name: "docker-dash-ha:2.0" },
        "it is there, as the list says"
      )
      const { last, quarantine } = yield* daemon.plan
      assert.strictEqual(last?.outcome, "rolledBack")
      assert.include(last?.reason, `${ha} failed 3 times`)
      assert.deepStrictEqual(quarantine.map(({ version: bad }) => bad), ["2.0"])
      for (const name of names) assert.strictEqual((yield* daemon.status(name)).container.version, "1.0", name)
    }))

  it.scoped("is found by its id with every transfer and every call", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0", "2.0"])
      const daemon = yield* world.boot
      yield* pass(5000)
      yield* world.setVersion(version("2.0"))
      yield* pass(45_000)
      const events = yield* daemon.eventsOf({ operation: "upgrade-1" })
      const ends = events.filter(({ outcome }) => outcome === "done")
      assert.deepStrictEqual(
        ends.map(({ container, reason }) => `${reason} ${container ?? ""}`.trim()),
        [
          "Deployed",
          "Deployed",
          "Deployed",
          "ArchivesKept",
          ...names.flatMap((name) => [`Stopped ${name}`, `RemoveEnded ${name}`, `StartAccepted ${name}`])
        ]
      )
      assert.isTrue(ends.every(({ duration, operation }) => duration !== undefined && operation !== "upgrade-1"))
      const [first] = ends
      assert.deepStrictEqual(first?.sent, { ...first?.sent, image: "docker-database:2.0", bytes: 1_000_000 })
      assert.strictEqual(first?.after?.digest, first?.sent?.digest)
      assert.isTrue(events.some(({ reason }) => reason === "Switching"), "the saga's own too")
      const one = yield* daemon.eventsOf({ operation: first?.operation ?? "" })
      assert.deepStrictEqual(one.map(({ reason }) => reason), ["Transferring", "Deployed"])
    }))
})
