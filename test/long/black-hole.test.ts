/** Half an hour in front of a black hole costs the daemon nothing that it keeps. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { until } from "../../bin/lab.ts"
import { darkened, figures, held } from "../e2e/dark.ts"
import { allRunning } from "../e2e/switch.ts"

describe("an NPU that swallows everything for half an hour", () => {
  it.scopedLive("leaves the daemon's memory and descriptors as they were at minute 5", () =>
    Effect.gen(function*() {
      const { daemon, lab, link } = yield* darkened
      // Windows of five minutes, so that each has a collection in it.
      yield* Effect.sleep("150 seconds")
      const before = yield* held(daemon.pid, 300)
      console.log(figures("around minute 5", before))
      yield* Effect.sleep("1050 seconds")
      const after = yield* held(daemon.pid, 300)
      console.log(figures("in the last five minutes of 30", after))
      assert.isAtMost(after.rssKiB, before.rssKiB + 2 * 1024)
      assert.deepStrictEqual(after.descriptors, before.descriptors)
      yield* link.signal("SIGCONT")
      yield* until(lab, "seen again", (list) => list.npu.reachable === true && allRunning(list))
    }))
})
