/** The in-memory `Wire`'s upload: reads the archive as a server would, or takes its description as given. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"

import {
  type ByteReader,
  type ByteSource,
  ByteSourceError,
  type DeployCall,
  type DeployEnd,
  type GrpcCode,
  WireError
} from "../../src/npu/wire.ts"
import { makeReader } from "./archive/read-archive.ts"
import type { ArchiveDescription, Transfer } from "./engine/core.ts"
import type { DeploySuccess } from "./engine/deploy.ts"
import type { Engine } from "./engine/engine.ts"
import type { Answer, Reply } from "./engine/reply.ts"

const archiveKey: unique symbol = Symbol.for("offloader/npu-sim/archive")

/** A source that says what it holds, so that a simulation needs no bytes. */
interface DescribedSource extends ByteSource {
  readonly [archiveKey]: ArchiveDescription
}

/**
 * A source for the in-memory `Wire` only: it is never read. Copies of it by
 * spread keep the description.
 */
export const describedSource = (archive: ArchiveDescription, size: number = archive.unpackedBytes): ByteSource => {
  const source: DescribedSource = {
    size,
    open: Effect.fail(new ByteSourceError({ reason: "this source holds a description and no bytes" })),
    [archiveKey]: archive
  }
  return source
}

export interface Uploading {
  readonly chunkSize: number
  readonly bytesPerSecond: number | undefined
  readonly settle: (reply: Reply<DeploySuccess>) => Effect.Effect<DeploySuccess, WireError>
}

export const upload = (engine: Engine, call: DeployCall, how: Uploading): Effect.Effect<DeployEnd, WireError> =>
  Effect.scoped(Effect.gen(function*() {
    const remote = call.transfer.remoteDownload !== undefined
    const source = call.source
    if (!remote && source === undefined) return yield* local("INVALID_ARGUMENT", "there is nothing to send")
    const transfer = yield* answered(engine.beginDeploy(call.transfer))
    let whole = false
    yield* Effect.addFinalizer(() => Effect.sync(() => whole ? undefined : engine.abortDeploy(transfer)))
    if (!remote && how.chunkSize <= 0) {
      return yield* local("FAILED_PRECONDITION", `the peer asks for chunks of ${how.chunkSize} bytes`)
    }
    const archive = remote || source === undefined
      ? undefined
      : yield* send(engine, transfer, source, call, how)
    whole = true
    const success = yield* how.settle(engine.finishDeploy(transfer, archive))
    const ready = remote ? [] : [{ imageTransferReady: { chunkSize: how.chunkSize } }]
    return {
      messages: [...ready, { imageTransferSuccess: success }],
      sentBytes: transfer.received
    }
  }))

const send = (
  engine: Engine,
  transfer: Transfer,
  source: ByteSource,
  call: DeployCall,
  how: Uploading
): Effect.Effect<ArchiveDescription | undefined, WireError, Scope.Scope> =>
  isDescribed(source)
    ? Effect.as(sendDescribed(engine, transfer, source.size, call, how), source[archiveKey])
    : sendBytes(engine, transfer, source, call, how)

/** A few steps suffice to make progress visible and to break off half-way. */
const steps = 8

const sendDescribed = (
  engine: Engine,
  transfer: Transfer,
  size: number,
  call: DeployCall,
  how: Uploading
): Effect.Effect<void, WireError> =>
  Effect.gen(function*() {
    for (let step = 0; step < steps; step++) {
      const end = Math.floor(size * (step + 1) / steps)
      const bytes = end - transfer.received
      yield* pace(bytes, how)
      yield* answered(engine.receive(transfer, bytes))
      call.onProgress?.(end)
    }
  })

const sendBytes = (
  engine: Engine,
  transfer: Transfer,
  source: ByteSource,
  call: DeployCall,
  how: Uploading
): Effect.Effect<ArchiveDescription | undefined, WireError, Scope.Scope> =>
  Effect.gen(function*() {
    const from = yield* Effect.mapError(source.open, dataLoss)
    const into = yield* Effect.acquireRelease(Effect.sync(makeReader), (reader) => Effect.sync(reader.destroy))
    const size = Math.max(1, Math.min(how.chunkSize, call.chunkSize.maximum))
    for (;;) {
      const view = yield* read(from, size, call.idleTimeout)
      if (view === undefined) break
      // The view is the source's buffer, and the parser keeps slices for a while.
      const bytes = Uint8Array.from(view)
      yield* pace(bytes.length, how)
      yield* answered(engine.receive(transfer, bytes.length))
      const more = into.write(bytes)
      if (more !== undefined) yield* Effect.promise(() => more)
      call.onProgress?.(transfer.received)
    }
    return Either.getOrUndefined(yield* Effect.promise(into.end))
  })

const read = (
  from: ByteReader,
  maximum: number,
  idle: Duration.Duration
): Effect.Effect<Uint8Array | undefined, WireError> =>
  Effect.tryPromise({ try: () => from.read(maximum), catch: dataLoss }).pipe(
    Effect.timeoutFail({
      duration: idle,
      onTimeout: () => error("DEADLINE_EXCEEDED", "local", `no progress within ${Duration.format(idle)}`)
    })
  )

const pace = (bytes: number, how: Uploading): Effect.Effect<void> =>
  how.bytesPerSecond === undefined ? Effect.void : Effect.sleep(1000 * bytes / how.bytesPerSecond)

const isDescribed = (source: ByteSource): source is DescribedSource => archiveKey in source

const answered = <A>(answer: Answer<A>): Effect.Effect<A, WireError> =>
  Either.isRight(answer)
    ? Effect.succeed(answer.right)
    : Effect.fail(error(answer.left.code, "peer", answer.left.details))

const dataLoss = (cause: unknown): WireError =>
  error("DATA_LOSS", "local", cause instanceof Error ? cause.message : String(cause))

const local = (code: GrpcCode, details: string): Effect.Effect<never, WireError> =>
  Effect.fail(error(code, "local", details))

const error = (code: GrpcCode, origin: "local" | "peer", details: string): WireError =>
  new WireError({ method: "Deploy", code, origin, details })
