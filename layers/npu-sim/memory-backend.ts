/** The in-memory engine as a `Backend` of the gRPC server. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"

import { makeReader } from "./archive/read-archive.ts"
import type { Backend, DeploySink } from "./backend.ts"
import { download } from "./download.ts"
import type { Engine } from "./engine/engine.ts"
import { follow } from "./engine/follow.ts"
import { Later, type Refusal, type Reply } from "./engine/reply.ts"

export const make = (engine: Engine): Backend => ({
  unary: (method, request) => Effect.suspend(() => settled(engine.unary(method, request))),
  list: (method, request) => Effect.suspend(() => engine.collect(method, request)),
  log: (request) =>
    Stream.asyncPush<string, Refusal>((emit) =>
      Effect.acquireRelease(
        Effect.sync(() =>
          follow(engine, request, {
            text: (text) => void emit.single(text),
            end: () => emit.end(),
            refuse: (refusal) => void emit.fail(refusal)
          })
        ),
        (stop) => Effect.sync(stop)
      ), { bufferSize: "unbounded" }),
  deploy: (request) =>
    Effect.gen(function*() {
      const transfer = yield* Effect.suspend(() => engine.beginDeploy(request))
      let finishing = false
      const reader = makeReader()
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          reader.destroy()
          if (!finishing) engine.abortDeploy(transfer)
        })
      )
      const sink: DeploySink = {
        write: (bytes) =>
          Effect.suspend(() => {
            const counted = engine.receive(transfer, bytes.length)
            if (Either.isLeft(counted)) return Effect.fail(counted.left)
            const wait = reader.write(bytes)
            return wait === undefined ? Effect.void : Effect.promise(() => wait)
          }),
        finish: Effect.gen(function*() {
          const archive = transfer.remote === undefined
            ? Either.getOrUndefined(yield* Effect.promise(reader.end))
            : yield* download(transfer.remote)
          finishing = true
          return yield* settled(engine.finishDeploy(transfer, archive))
        })
      }
      return sink
    })
})

const settled = <A>(reply: Reply<A>): Effect.Effect<A, Refusal> =>
  reply instanceof Later ? Effect.async((resume) => Effect.sync(reply.onSettled(resume))) : reply
