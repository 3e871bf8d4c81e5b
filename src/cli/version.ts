/** `offloadctl version`: this program's version, the daemon's and the DPU's. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

import { apiVersion } from "../control/views.ts"
import { ControlClient } from "./control-client.ts"
import { ExitCode } from "./exit-code.ts"
import { npuLine } from "./npu-line.ts"
import { type Format, print, printJson, Screen } from "./screen.ts"
import { dated, orNothing, plain } from "./text.ts"

/** The version that `offloadctl` itself was built as. */
export class Release extends Context.Tag("offloadctl/Release")<Release, { readonly version: string }>() {}

/** Says its own version even where no daemon answers; then fails with NoDaemon. */
export const version = Effect.fn("version")(function*(options: { readonly output: Format }) {
  const release = yield* Release
  const client = yield* ControlClient
  if (options.output === "json") {
    const daemon = yield* Effect.tapError(client.version, () => printJson({ apiVersion, offloadctl: release.version }))
    yield* printJson({ ...daemon, offloadctl: release.version })
    return ExitCode.done
  }
  yield* print(`offloadctl  ${release.version}`)
  const daemon = yield* client.version
  const now = yield* Clock.currentTimeMillis
  const { colour } = yield* Screen
  const sonic = daemon.sonicVersion === null
    ? `unknown: ${orNothing(daemon.sonicVersionReason)}`
    : plain(daemon.sonicVersion)
  yield* print(`offloadd    ${plain(daemon.daemon)}, pid ${daemon.pid}, started ${dated(daemon.startedAt, now)}`)
  yield* print(`SONiC       ${sonic}, on ${plain(daemon.dpu)}`)
  yield* print(npuLine(daemon.npu, now, colour))
  return ExitCode.done
})
