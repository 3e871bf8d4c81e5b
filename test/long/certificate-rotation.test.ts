/** Certificates of both sides replaced every 10 s for ten minutes, under a look each second. */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

import { rotating } from "../integration/gnoi/rotating.ts"

describe("ten minutes of certificates that change", () => {
  it.scopedLive("see no look fail, and at least 60 new handshakes with as many serials", () =>
    Effect.gen(function*() {
      const rotation = yield* rotating("1 second", Duration.seconds(1))
      // What comes at the very end has time to be taken up.
      yield* Effect.repeat(
        Effect.sync(rotation.rotate).pipe(Effect.delay("10 seconds")),
        Schedule.recurs(59)
      )
      yield* Effect.repeat(Effect.sleep("100 millis"), { until: () => new Set(rotation.clientSerials).size > 60 })
      const { clientSerials, failedCalls, failedLooks, looks, serverSerials } = rotation
      const [ours, theirs] = [new Set(clientSerials).size, new Set(serverSerials).size]
      console.log(
        `rotation: 60 in ten minutes, ${looks} looks, ${failedLooks.length} failed, ${failedCalls.length} calls ` +
          `failed, ${clientSerials.length} handshakes, ${ours} serials of ours, ${theirs} of the NPU's`
      )
      assert.deepStrictEqual([failedLooks, failedCalls], [[], []])
      assert.isAtLeast(clientSerials.length - 1, 60)
      assert.isAtLeast(ours - 1, 60)
    }))
})
