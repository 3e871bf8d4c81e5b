/** Logs two thousand long lines through `runMain` and exits at once. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"

import { layerLogfmt } from "../../../layers/log/logger.ts"

NodeRuntime.runMain(
  Effect.forEach(
    Array.from({ length: 2000 }, (_, index) => index),
    (number) => Effect.annotateLogs(Effect.log("x".repeat(1000)), { number })
  ).pipe(
    Effect.zipRight(Effect.sync(() => process.exit(0))),
    Effect.provide(layerLogfmt())
  )
)
