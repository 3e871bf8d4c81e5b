import type { NetworkInterfaceInfo } from "node:os"

import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import { layerLab, layerSwitch } from "../../../layers/sonic/identity.ts"
import { DpuIdentity, type VersionReading } from "../../../src/daemon/dpu-identity.ts"
import { put, temporaryRoot } from "./support.ts"

const address = (address: string, family: "IPv4" | "IPv6" = "IPv4"): NetworkInterfaceInfo => ({
  address,
  netmask: "",
  mac: "",
  internal: false,
  cidr: null,
  ...(family === "IPv4" ? { family } : { family, scopeid: 0 })
})

const shown = (reading: VersionReading): string => reading._tag === "Version" ? reading.version : reading.reason

const firstVersion = Effect.flatMap(
  DpuIdentity,
  (identity) =>
    Effect.map(Stream.runCollect(Stream.take(identity.versions, 1)), (readings) => ({
      dpu: identity.dpu,
      version: shown(Chunk.unsafeHead(readings))
    }))
)

describe("a DPU on its switch", () => {
  for (const dpu of [0, 7]) {
    it.scoped(`is dpu${dpu} by its address on the midplane, and has the version of its file`, () =>
      Effect.gen(function*() {
        const root = yield* temporaryRoot
        put(root, "/etc/sonic/sonic_version.yml", "build_version: 20241211.35\n")
        const interfaces = () => ({
          "eth0": [address("10.0.0.5")],
          "eth0-midplane": [address("fe80::1", "IPv6"), address(`169.254.200.${dpu + 1}`)]
        })
        assert.deepStrictEqual(yield* Effect.provide(firstVersion, layerSwitch({ root, interfaces })), {
          dpu,
          version: "20241211.35"
        })
      }))
  }

  it.scoped("waits for an address that comes late, and says once what it waits for", () =>
    Effect.gen(function*() {
      const said: Array<string> = []
      const logger = Logger.make(({ annotations, message }) => {
        said.push([message, ...[...annotations].map(([, value]) => value)].flat().join(": "))
      })
      const root = yield* temporaryRoot
      let now: Record<string, Array<NetworkInterfaceInfo>> = {}
      const building = yield* Effect.fork(
        Effect.provide(firstVersion, layerSwitch({ root, interfaces: () => now })).pipe(
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
      )
      yield* TestClock.adjust("1 minute")
      now = { "eth0-midplane": [] }
      yield* TestClock.adjust("1 minute")
      now = { "eth0-midplane": [address("169.254.12.99"), address("169.254.200.9"), address("169.254.200.254")] }
      yield* TestClock.adjust("1 minute")
      assert.isNull(yield* Fiber.poll(building).pipe(Effect.map((exit) => exit._tag === "Some" ? exit.value : null)))
      now = { "eth0-midplane": [address("169.254.200.3")] }
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(building)).dpu, 2)
      assert.deepStrictEqual(said, [
        "waiting for the address on the midplane: there is no interface eth0-midplane that is up",
        "waiting for the address on the midplane: eth0-midplane has no IPv4 address yet",
        "waiting for the address on the midplane: eth0-midplane has 169.254.12.99, 169.254.200.9, 169.254.200.254; "
        + "a DPU has one of 169.254.200.1 to 169.254.200.8",
        "this DPU is known by its address: dpu2"
      ])
    }))
})

describe("a DPU in a lab", () => {
  it.scoped("is the one that it is told to be", () =>
    Effect.gen(function*() {
      const versionFile = put(yield* temporaryRoot, "version.yml", "build_version: 'SONiC-OS-master.1-abc'\n")
      assert.deepStrictEqual(yield* Effect.provide(firstVersion, layerLab({ dpu: 5, versionFile })), {
        dpu: 5,
        version: "master.1-abc"
      })
    }))
})
