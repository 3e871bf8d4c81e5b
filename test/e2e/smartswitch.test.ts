/**
 * A whole SmartSwitch: eight DPUs with mutual TLS on a midplane of network
 * namespaces, npu-sim in memory, each fault once. test/long does it at length,
 * and on real containers.
 */
import { existsSync, readdirSync } from "node:fs"
import { dirname, join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

import { Waited } from "../../bin/lab.ts"
import { type FaultName, faults } from "../../bin/smartswitch/faults.ts"
import { whyNoClock, whyNoSwitch } from "../../bin/smartswitch/switch.ts"
import { run, start, systemPath } from "../../layers/lab/process.ts"
import { bringUp, trial } from "../lab/trial.ts"
import { skip } from "../needs.ts"
import { dist } from "./switch.ts"

describe("a SmartSwitch of eight DPUs", () => {
  it.scopedLive(
    "heals what goes wrong, restarts nothing without cause, touches nobody else's containers",
    (context) =>
      Effect.gen(function*() {
        const missing = (yield* whyNoSwitch("memory")) ?? whyNoClock()
        if (missing !== undefined) return skip(context, missing)
        const lab = yield* bringUp({ dist, engine: "memory", dpus: 8 })
        for (const [index, name] of (Object.keys(faults) as Array<FaultName>).entries()) {
          yield* trial(lab, name, faults[name], lab.dpus[index % lab.dpus.length]!)
        }
      }),
    900_000
  )
})

/** A command of a second terminal, carried out by the lab at that socket. */
const ask = (socket: string, ...words: ReadonlyArray<string>) =>
  run(join(dist, "smartswitch.cjs"), words, { env: { OFFLOADER_LAB: socket } })

describe("npm run lab", () => {
  it.scopedLive("takes faults and heals from a second terminal, and leaves nothing behind", (context) =>
    Effect.gen(function*() {
      const missing = yield* whyNoSwitch("memory")
      if (missing !== undefined) return skip(context, missing)
      const lab = yield* start(join(dist, "smartswitch.cjs"), ["--dpus", "2"], { env: { PATH: systemPath } })
      const [, socket = ""] = yield* lab.line(/export OFFLOADER_LAB=(\S+)/)
      const shows = (pattern: RegExp) =>
        ask(socket, "status").pipe(
          Effect.filterOrFail((text) => pattern.test(text), (text) =>
            new Waited({ message: `no ${pattern} in ${text}` })),
          Effect.retry(Schedule.spaced("200 millis").pipe(Schedule.upTo("60 seconds")))
        )
      yield* shows(/^dpu1 +reachable .*none$/m)
      assert.match(yield* ask(socket, "inject", "cable-cut", "dpu1"), /injected/)
      assert.match(yield* shows(/^dpu1 +unreachable .*cable-cut$/m), /^dpu0 +reachable/m)
      assert.match(String(yield* Effect.flip(ask(socket, "inject", "cable-cut", "dpu1"))), /already/)
      assert.match(String(yield* Effect.flip(ask(socket, "inject", "cable-cut", "dpu2"))), /there is no dpu2/)
      assert.match(yield* ask(socket, "heal"), /cable-cut on dpu1: healed/)
      yield* shows(/^dpu1 +reachable .*none$/m)

      const namespaces = () => readdirSync("/run/netns").filter((name) => name.startsWith(`offloader-${lab.pid}-`))
      assert.lengthOf(namespaces(), 3)
      yield* lab.signal("SIGTERM")
      yield* lab.exit
      assert.lengthOf(namespaces(), 0)
      assert.isFalse(existsSync(dirname(socket)))
    }))
})
