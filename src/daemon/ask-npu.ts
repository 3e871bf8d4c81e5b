/** What only the NPU can answer, for somebody who waits for it on the control socket. */
import * as Effect from "effect/Effect"

import { askTimeout } from "../control/answer-time.ts"
import { NpuUnreachable } from "../control/problems.ts"
import type { Memory } from "../decide/memory.ts"
import type { MethodName } from "../npu/messages.ts"
import { Npu } from "../npu/npu.ts"
import { Decider } from "./decider.ts"

/** Fails at once while the NPU is known to be away, and else before whoever waits gives up. */
export const askNpu = <A, E, R>(
  method: MethodName,
  answer: Effect.Effect<A, E, R>
): Effect.Effect<A, E | NpuUnreachable, R | Decider | Npu> =>
  Effect.gen(function*() {
    yield* failWhileAway
    const { endpoint } = yield* Npu
    return yield* Effect.timeoutFail(answer, {
      duration: askTimeout,
      onTimeout: () => new NpuUnreachable({ message: `${endpoint} did not answer ${method} in time` })
    })
  })

/** Fails while the NPU is known to be away, and says since when. */
export const failWhileAway: Effect.Effect<void, NpuUnreachable, Decider> = Effect.gen(function*() {
  const { npu } = yield* (yield* Decider).memory
  return yield* npu.reachable === false ? new NpuUnreachable({ message: absence(npu) }) : Effect.void
})

const absence = ({ reason = "it does not answer", since }: Memory["npu"]): string =>
  since === undefined ? reason : `${reason}; it is away since ${new Date(since.wall).toISOString()}`
