import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import { rotating } from "./rotating.ts"

describe("certificates that are replaced again and again", () => {
  it.scopedLive("are presented one after the other, and no look fails", () =>
    Effect.gen(function*() {
      const rotation = yield* rotating("20 millis", Duration.millis(20))
      const shown = (serials: ReadonlyArray<string>) => new Set(serials).size
      const hasShown = (count: number) =>
        Effect.repeat(Effect.sleep(10), { until: () => shown(rotation.clientSerials) >= count })
      yield* hasShown(1)
      for (let round = 1; round <= 20; round++) {
        rotation.rotate()
        yield* hasShown(round + 1)
      }
      const { clientSerials, failedCalls, failedLooks, looks, serverSerials } = rotation
      console.log(
        `rotation: 20 rotations, ${looks} looks, ${failedLooks.length} failed, ${clientSerials.length} handshakes, ` +
          `${shown(clientSerials)} serials of ours, ${shown(serverSerials)} of the NPU's`
      )
      assert.deepStrictEqual([failedLooks, failedCalls], [[], []])
      assert.isAtLeast(shown(clientSerials), 21)
    }))
})
