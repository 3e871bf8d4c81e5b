/** What stands behind the gRPC server: the in-memory engine, or a real container engine. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"

import type {
  CurrentStreamMethods,
  CurrentUnaryMethod,
  CurrentUnaryMethods,
  ImageTransfer,
  LogRequest
} from "../../src/npu/messages.ts"
import type { DeploySuccess } from "./engine/deploy.ts"
import type { EngineListMethod } from "./engine/engine.ts"
import type { Refusal } from "./engine/reply.ts"

export interface Backend {
  readonly unary: <M extends CurrentUnaryMethod>(
    method: M,
    request: CurrentUnaryMethods[M]["request"]
  ) => Effect.Effect<CurrentUnaryMethods[M]["response"], Refusal>
  readonly list: <M extends EngineListMethod>(
    method: M,
    request: CurrentStreamMethods[M]["request"]
  ) => Effect.Effect<ReadonlyArray<CurrentStreamMethods[M]["response"]>, Refusal>
  /** Text as it comes; ends when the container stops, or at once without follow. */
  readonly log: (request: LogRequest) => Stream.Stream<string, Refusal>
  /** Checks for room and makes ready; what is not finished when the scope closes is thrown away. */
  readonly deploy: (transfer: ImageTransfer) => Effect.Effect<DeploySink, Refusal, Scope.Scope>
}

/** Where the bytes of an upload go. The server has checked their number. */
export interface DeploySink {
  /** Done when more may come. The bytes do not change afterwards. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, Refusal>
  /** All bytes came, or a remote download was asked for: loads and names the image. */
  readonly finish: Effect.Effect<DeploySuccess, Refusal>
}
