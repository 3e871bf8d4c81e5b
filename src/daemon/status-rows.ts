/** What the switch's own tools may read of this DPU's containers: flat, and a row new only where something of it changed. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"

import { bothClocks } from "../model/monotonic.ts"
import type { Decider } from "./decider.ts"
import { containerView } from "./views.ts"

/** All texts, as tables of a switch have them; empty for what is not known. */
export interface StatusRow {
  /** Running, Stopped, Absent or Unknown. */
  readonly status: string
  /** `repository:tag` as it runs. */
  readonly image: string
  readonly running_version: string
  readonly target_version: string
  readonly restart_count: string
  /** Why it was last restarted or could not be. */
  readonly last_error: string
}

/** Rows by the container's name on the NPU. */
export type StatusRows = ReadonlyMap<string, StatusRow>

/** Between two looks at the daemon's memory: no tool of a switch polls faster. */
const period = Duration.seconds(1)

/** The rows of now, each second. Reads the daemon's memory only, so that nothing of the daemon waits for a reader. */
export const statusRows = (decider: Decider["Type"]): Stream.Stream<StatusRows> =>
  Stream.repeatEffectWithSchedule(
    Effect.gen(function*() {
      const memory = yield* decider.memory
      const now = yield* bothClocks
      return new Map(memory.specs.map((spec): readonly [string, StatusRow] => {
        const { image, lastReason, restarts, state, targetVersion, version } = containerView(memory, spec, now)
        return [spec.name, {
          status: state,
          image: image ?? "",
          running_version: state === "Running" ? version ?? "" : "",
          target_version: targetVersion ?? "",
          restart_count: String(restarts),
          last_error: lastReason ?? ""
        }]
      }))
    }),
    Schedule.spaced(period)
  )
