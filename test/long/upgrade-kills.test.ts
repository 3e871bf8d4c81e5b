/** Upgrades on real containers, the daemon killed in the midst of each, at five seeded moments: as without. */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"

import { setVersion } from "../../bin/lab.ts"
import { whyNoPodman } from "../../layers/lab/podman.ts"
import { type Bad, endsAsItShould, first, ready, runs, second } from "../e2e/upgrade-set.ts"
import { skip } from "../needs.ts"

const missing = whyNoPodman()
const sets: ReadonlyArray<Bad | undefined> = [
  undefined,
  { service: "ha", how: "crashes on start" },
  { service: "gnmi", how: "never healthy" }
]

describe("a DPU upgrade whose daemon is killed in the midst", () => {
  for (const bad of sets) {
    for (let moment = 1; moment <= 5; moment += 1) {
      it.scopedLive(
        `ends the same at moment ${moment}: ${bad?.how ?? "a good version"}`,
        (context) =>
          Effect.gen(function*() {
            if (missing !== undefined) return skip(context, missing)
            const { daemon, lab } = yield* ready(bad)
            yield* Effect.scoped(Effect.gen(function*() {
              const process = yield* daemon
              yield* runs(lab, first)
              yield* setVersion(lab, second)
              yield* Effect.sleep(yield* Random.nextIntBetween(0, 20_000))
              yield* process.signal("SIGKILL")
              yield* process.exit
            }))
            yield* daemon
            yield* endsAsItShould(lab, bad)
          }).pipe(Effect.withRandom(Random.make(`moment ${moment} of ${bad?.how}`))),
        400_000
      )
    }
  }
})
