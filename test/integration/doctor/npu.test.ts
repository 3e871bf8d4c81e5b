import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

import * as Checks from "../../../layers/doctor/npu.ts"
import * as Gnoi from "../../../layers/gnoi/wire.ts"
import type { SimDialect } from "../../../layers/npu-sim/server/dialects.ts"
import * as Npu from "../../../src/npu/npu.ts"
import { Wire, type WireService } from "../../../src/npu/wire.ts"
import { world } from "../npu-sim/world.ts"
import { found } from "./support.ts"

const reached = (dialect: SimDialect = "modern") =>
  Effect.gen(function*() {
    const { server } = yield* world({ server: { dialect } })
    const wire = yield* Gnoi.make({ host: "127.0.0.1", port: server.listener.port })
    const npu = yield* Effect.provide(Npu.Npu, Npu.layer.pipe(Layer.provide(Layer.succeed(Wire, wire))))
    return { npu, server, wire }
  })

/** The same wire, where the NPU's clock is so much ahead. */
const ahead = (wire: WireService, millis: number): WireService => ({
  ...wire,
  unary: (method, request, deadline) =>
    Effect.map(wire.unary(method, request, deadline), (answer) =>
      method === "Time"
        ? { ...answer, time: String((Date.now() + millis) * 1e6) }
        : answer)
})

describe("authentication", () => {
  it.scopedLive("is any answer but a denial", () =>
    Effect.gen(function*() {
      const { server, wire } = yield* reached()
      found(yield* Checks.authentication(wire), "ok", /answers calls/)
      for (const code of ["UNAUTHENTICATED", "PERMISSION_DENIED"] as const) {
        server.gate.failures.set("Time", { code, details: "who are you", left: 1 })
        found(yield* Checks.authentication(wire), "failure", /does not let this DPU in .*who are you/)
      }
      server.gate.failures.set("Time", { code: "UNIMPLEMENTED", details: "", left: 1 })
      found(yield* Checks.authentication(wire), "ok", /answers calls/)
      yield* server.listener.goAway
      found(yield* Checks.authentication(wire), "failure", /no call comes through/)
    }))
})

describe("the dialect", () => {
  it.scopedLive("is named, with what is missing", () =>
    Effect.gen(function*() {
      const modern = yield* Checks.dialect((yield* reached()).npu)
      found(modern.finding, "ok", /modern dialect, known by its reflection/)
      assert.deepStrictEqual(modern.speech?.missing, [])
      found((yield* Checks.dialect((yield* reached("inband")).npu)).finding, "ok", /known by its answers/)
      const sonic = yield* Checks.dialect((yield* reached("sonic")).npu)
      found(
        sonic.finding,
        "failure",
        /sonic dialect.*cannot list, start, stop or remove containers, list images, take images, or send logs/
      )
      assert.include(sonic.finding.cure, "--remote-source")
    }))
})

describe("the clock", () => {
  it.scopedLive("is compared with this one", () =>
    Effect.gen(function*() {
      const { server, wire } = yield* reached()
      found(yield* Checks.clock(ahead(wire, 0)), "ok", /clock/)
      found(yield* Checks.clock(ahead(wire, 30_000)), "warning", /s ahead of this one/)
      found(yield* Checks.clock(ahead(wire, -3_600_000)), "failure", /behind this one: certificates/)
      server.gate.failures.set("Time", { code: "UNIMPLEMENTED", details: "", left: 1 })
      found(yield* Checks.clock(wire), "not checked", /does not tell its time/)
    }))
})
