import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { resolve, route, tcp } from "../../../layers/doctor/road.ts"
import { freePort } from "../npu-sim/world.ts"
import { accepting, found } from "./support.ts"

describe("the road to the NPU", () => {
  it.live("resolves names, and says which it cannot", () =>
    Effect.gen(function*() {
      const address = yield* resolve("127.0.0.1")
      found(address.finding, "ok", /is an address/)
      assert.strictEqual(address.address, "127.0.0.1")
      const name = yield* resolve("localhost")
      found(name.finding, "ok", /localhost is /)
      const nobody = yield* resolve("no-such-npu.invalid")
      found(nobody.finding, "failure", /no-such-npu\.invalid cannot be resolved/)
      assert.isUndefined(nobody.address)
    }))

  it.live("tells which address and interface it starts from, and that there is none", () =>
    Effect.gen(function*() {
      found(yield* route({ host: "127.0.0.1", port: 8080 }), "ok", /from 127\.0\.0\.1 on lo/)
      // Not permitted as a destination: the system refuses before it sends.
      found(yield* route({ host: "255.255.255.255", port: 8080 }), "failure", /no route to 255\.255\.255\.255/)
    }))

  it.scopedLive("connects, and tells a refusal", () =>
    Effect.gen(function*() {
      const port = yield* accepting(() => undefined)
      found(yield* tcp({ host: "127.0.0.1", port }), "ok", /accepts/)
      const closed = yield* Effect.promise(freePort)
      found(yield* tcp({ host: "127.0.0.1", port: closed }), "failure", /refuses: the NPU is there/)
      found(yield* tcp({ host: "255.255.255.255", port: closed }), "failure", /cannot be reached/)
    }))
})
