/** The time for waiting is up: what was asked for stands, and who is waited for; or whether it stands is not known. */
import * as Effect from "effect/Effect"

import type { NpuView } from "../control/views.ts"
import { inSeconds } from "./duration.ts"
import { type ExchangeError, mayBeCarriedOut } from "./exchange.ts"
import { ExitCode } from "./exit-code.ts"
import { Ended } from "./problem.ts"

/**
 * 4 where the daemon is gone then, 5 where the NPU is not reachable then, 6
 * otherwise. `last` is what the daemon showed last, if it ever did.
 */
export const late = <View extends { readonly npu: NpuView | null }>(
  stands: string,
  last: View | ExchangeError | undefined,
  goesOn: (view: View) => string
): Ended => {
  if (last === undefined || "_tag" in last) {
    const why = last === undefined ? "it has not answered since" : last.message
    return new Ended({
      code: ExitCode.noDaemon,
      message: `${stands}: offloadd carries it out once it is back (${why})`
    })
  }
  const { npu } = last
  return npu === null || npu.reachable === true
    ? new Ended({ code: ExitCode.timedOut, message: `${stands}; offloadd goes on: ${goesOn(last)}` })
    : new Ended({
      code: ExitCode.unreachable,
      message: `${stands}: it is carried out as soon as the NPU ${npu.endpoint} can be reached (${
        npu.reason ?? "it has not answered yet"
      })`
    })
}

/** What asks for a change waits for its answer no longer than for its result; where that time is up, 4. */
export const answeredWithin =
  (limit: number | undefined) => <A, E, R>(asked: Effect.Effect<A, E, R>): Effect.Effect<A, E | Ended, R> =>
    limit === undefined ? asked : Effect.timeoutFail(asked, {
      duration: limit,
      onTimeout: () =>
        new Ended({
          code: ExitCode.noDaemon,
          message: `offloadd has not answered in ${inSeconds(limit)}; ${mayBeCarriedOut}`
        })
    })
