/** Logs two thousand long lines, says so on standard output, and exits as soon as `runMain` is done with the program. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"

import { layerLogfmt } from "../../../layers/log/logger.ts"

NodeRuntime.runMain(
  Effect.forEach(
    Array.from({ length: 2000 }, (_, index) => index),
    (number) => Effect.annotateLogs(Effect.log("x".repeat(1000)), { number })
  ).pipe(
    Effect.zipRight(Effect.sync(() => process.stdout.write("logged\n"))),
    Effect.provide(layerLogfmt())
  ),
  { teardown: () => process.exit(0) }
)
