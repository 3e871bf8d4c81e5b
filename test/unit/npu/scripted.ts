/** A `Wire` that answers from a script, and the client over it. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import type { ImageArchive } from "../../../src/npu/image-source.ts"
import type { ListContainerResponse } from "../../../src/npu/messages.ts"
import * as Npu from "../../../src/npu/npu.ts"
import { type DeployEnd, type GrpcCode, Wire, WireError, type WireService } from "../../../src/npu/wire.ts"

export const failure = (code: GrpcCode, origin: "local" | "peer", details = "") =>
  new WireError({ method: "ListContainer", code, origin, details })

export const row = (name: string, status: string, imageName = "docker-dash-ha:1.0"): ListContainerResponse => ({
  id: `id-of-${name}`,
  name,
  imageName,
  status: status as ListContainerResponse["status"],
  labels: {}
})

export interface Script {
  /** Answers of `collect`, in order; the last one repeats. */
  readonly lists?: ReadonlyArray<ReadonlyArray<unknown> | WireError>
  readonly unary?: unknown
  readonly deploy?: DeployEnd | WireError
}

/** Calls as they arrived: the method and its request. */
export const withNpu = <A, E>(
  script: Script,
  use: (npu: Npu.NpuService, calls: ReadonlyArray<readonly [string, unknown]>) => Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const calls: Array<readonly [string, unknown]> = []
  let next = 0
  const answer = <B>(value: unknown): Effect.Effect<B, WireError> =>
    value instanceof WireError ? Effect.fail(value) : Effect.succeed(value as B)
  const wire: WireService = {
    endpoint: "npu:8080",
    unary: (method, request) => {
      calls.push([method, request])
      return answer(script.unary)
    },
    collect: (method, request) =>
      Effect.suspend(() => {
        calls.push([method, request])
        const lists = script.lists ?? [[]]
        return answer(lists[Math.min(next++, lists.length - 1)])
      }),
    stream: () => Stream.empty,
    deploy: (call) => {
      calls.push(["Deploy", call.transfer])
      return answer(script.deploy)
    },
    connection: Stream.never
  }
  return Effect.flatMap(Npu.Npu, (npu) => use(npu, calls)).pipe(
    Effect.provide(Npu.layer.pipe(Layer.provide(Layer.succeed(Wire, wire))))
  )
}

export const archive: ImageArchive = {
  path: "/images/ha.tar",
  image: { repository: "docker-dash-ha", tag: "2.0" },
  names: [{ repository: "docker-dash-ha", tag: "2.0" }],
  configDigest: `sha256:${"ab".repeat(32)}`,
  architecture: "amd64",
  bytes: { size: 10, open: Effect.die("the script reads no bytes") }
}
