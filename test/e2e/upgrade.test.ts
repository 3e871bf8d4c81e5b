/**
 * Upgrades on real containers: npu-sim over podman, real archives, the built
 * daemon, a short policy for gate and probation.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"

import { offloadctl, setVersion } from "../../bin/lab.ts"
import { whyNoPodman } from "../../layers/lab/podman.ts"
import { skip } from "../needs.ts"
import { type Bad, endsAsItShould, first, ready, runs, second, startsOf, startsSince } from "./upgrade-set.ts"

const missing = whyNoPodman()
const limit = 400_000

const crashing: Bad = { service: "ha", how: "crashes on start" }
const mute: Bad = { service: "gnmi", how: "never healthy" }

const test = (name: string, body: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.scopedLive(
    name,
    (context) => Effect.suspend(() => missing === undefined ? body : skip(context, missing)),
    limit
  )

describe("a DPU upgrade on podman", () => {
  test(
    "brings all three to the new version in order: while the daemon is down, and back while it runs",
    Effect.gen(function*() {
      const { daemon, lab } = yield* ready()
      yield* Effect.scoped(Effect.zipRight(daemon, runs(lab, first)))
      const before = startsOf(lab).length
      yield* setVersion(lab, second)
      yield* daemon
      yield* endsAsItShould(lab, undefined)
      const order = lab.containers.map(({ name }) => name)
      assert.deepStrictEqual(startsSince(lab, before), order)

      yield* setVersion(lab, first)
      yield* runs(lab, first)
      assert.deepStrictEqual(startsSince(lab, before), [...order, ...order])
    })
  )

  test(
    "whose ha image crashes on start ends with the old set, and the bad one in quarantine",
    Effect.gen(function*() {
      const { daemon, lab } = yield* ready(crashing)
      yield* daemon
      yield* runs(lab, first)
      yield* setVersion(lab, second)
      const view = yield* endsAsItShould(lab, crashing)
      assert.include(view.last?.reason, lab.containers[2]!.name)
    })
  )

  test(
    "whose gnmi never becomes healthy does too; upgrade --wait exits 7 and says why",
    Effect.gen(function*() {
      const { daemon, lab } = yield* ready(mute)
      yield* daemon
      yield* runs(lab, first)
      const { code, output } = yield* offloadctl(lab, ["upgrade", "--to", second, "--wait", "--timeout", "150s"])
      assert.strictEqual(code, 7, output)
      assert.include(output, "does not answer its probe")
      yield* endsAsItShould(lab, mute)
    })
  )

  for (const bad of [undefined, crashing, mute]) {
    test(
      `ends the same where the daemon is killed in the midst: ${bad?.how ?? "a good version"}`,
      Effect.gen(function*() {
        const { daemon, lab } = yield* ready(bad)
        yield* Effect.scoped(Effect.gen(function*() {
          const process = yield* daemon
          yield* runs(lab, first)
          yield* setVersion(lab, second)
          const moment = yield* Random.nextIntBetween(0, 15_000)
          yield* Effect.sleep(moment)
          yield* process.signal("SIGKILL")
          yield* process.exit
        }))
        yield* daemon
        yield* endsAsItShould(lab, bad)
      }).pipe(Effect.withRandom(Random.make(`killed in the midst, ${bad?.how}`)))
    )
  }
})
