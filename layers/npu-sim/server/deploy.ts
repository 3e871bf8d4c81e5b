/** The server's side of Deploy: which message may come when, how many bytes, what is said in between. */
import type { ServerDuplexStream } from "@grpc/grpc-js"
import * as Effect from "effect/Effect"

import type { DeployRequest, DeployResponse, ImageTransfer } from "../../../src/npu/messages.ts"
import type { Backend } from "../backend.ts"
import { type Refusal, refusal } from "../engine/reply.ts"
import type { Answered, Journal } from "../journal.ts"
import * as Gate from "./gate.ts"

export interface DeployOptions {
  readonly backend: Backend
  readonly journal: Journal
  readonly gate: Gate.Gate
  /** What `image_transfer_ready` asks for, bytes. */
  readonly chunkSize: number
  /** Whether fewer bytes than announced are refused, as the reference server does not. */
  readonly checksShortTransfer: boolean
  /** Whether content is refused, as a server of gnoi 0.3 does. */
  readonly remoteOnly?: boolean
}

type Call = ServerDuplexStream<DeployRequest, DeployResponse>

/** Ends with OK when done; a stream that is half-closed with nothing sent ends so too. */
export const deploy = (call: Call, options: DeployOptions): Effect.Effect<void, Refusal> =>
  Effect.suspend(() => {
    const next = reader(call)
    return Effect.flatMap(next, (first) => {
      if (first === undefined) return Effect.void
      if (!("imageTransfer" in first) || first.imageTransfer === null) {
        return Effect.fail(refusal("UNAVAILABLE", "a deploy begins with image_transfer"))
      }
      return journalled(options, call.getPeer(), first.imageTransfer, (count) =>
        Gate.pass(options.gate, "Deploy", transfer(call, next, first.imageTransfer, options, count)))
    })
  })

const transfer = (
  call: Call,
  next: Effect.Effect<DeployRequest | undefined>,
  request: ImageTransfer,
  options: DeployOptions,
  count: (bytes: number) => void
): Effect.Effect<void, Refusal> =>
  Effect.scoped(Effect.gen(function*() {
    if (request.isPlugin === true) return yield* fail("UNIMPLEMENTED", "plugins are not served")
    const remote = request.remoteDownload !== undefined && request.remoteDownload !== null
    if (!remote && options.remoteOnly === true) {
      return yield* fail("UNIMPLEMENTED", "only remote_download is implemented")
    }
    const announced = Number(request.imageSize)
    const sink = yield* options.backend.deploy(request)
    let received = 0
    if (!remote) {
      yield* send(call, { imageTransferReady: { chunkSize: options.chunkSize } })
      for (;;) {
        const message = yield* next
        if (message === undefined) return yield* closedEarly(call)
        if ("imageTransferEnd" in message) break
        if (!("content" in message)) return yield* fail("INVALID_ARGUMENT", "only content may follow image_transfer")
        received += message.content.length
        count(received)
        if (received > announced) {
          return yield* fail("INVALID_ARGUMENT", `received ${received} bytes, more than the image_size of ${announced}`)
        }
        yield* sink.write(message.content)
        // After each piece: the reference client sends the next one only then.
        yield* send(call, { imageTransferProgress: { bytesReceived: String(received) } })
      }
      if (received < announced && options.checksShortTransfer) {
        return yield* fail("INVALID_ARGUMENT", `received ${received} bytes of an image_size of ${announced}`)
      }
    }
    const success = yield* sink.finish
    yield* send(call, { imageTransferSuccess: success })
  }))

/** A connection that breaks ends the stream, too, and is told as a cancellation a moment later. */
const closedEarly = (call: Call): Effect.Effect<never, Refusal> =>
  Effect.flatMap(
    Effect.sleep(0),
    () => call.cancelled ? Effect.never : fail("UNKNOWN", "the stream was closed before image_transfer_end")
  )

const journalled = (
  options: DeployOptions,
  peer: string,
  request: ImageTransfer,
  act: (count: (bytes: number) => void) => Effect.Effect<void, Refusal>
): Effect.Effect<void, Refusal> =>
  Effect.suspend(() => {
    const answered: Answered = options.journal.received({
      method: "Deploy",
      subject: `${request.name}:${request.tag}`,
      peer,
      request
    })
    let bytes = 0
    return act((count) => {
      bytes = count
    }).pipe(
      Effect.tapBoth({
        onSuccess: () => Effect.sync(() => answered({ status: "OK", details: "", bytes })),
        onFailure: ({ code, details }) => Effect.sync(() => answered({ status: code, details, bytes }))
      }),
      Effect.onInterrupt(() =>
        Effect.sync(() => answered({ status: "CANCELLED", details: "the caller went away", bytes }))
      )
    )
  })

/** The next message, `undefined` after the last; one at a time, so that the flow control of HTTP/2 holds. */
const reader = (call: Call): Effect.Effect<DeployRequest | undefined> => {
  let ended = false
  call.on("end", () => {
    ended = true
  })
  return Effect.async((resume) => {
    const look = (): void => {
      const message = call.read() as DeployRequest | null
      if (message === null && !ended && !call.readableEnded) return
      stop()
      resume(Effect.succeed(message ?? undefined))
    }
    const stop = (): void => {
      call.off("readable", look)
      call.off("end", look)
    }
    call.on("readable", look)
    call.on("end", look)
    look()
    return Effect.sync(stop)
  })
}

const send = (call: Call, message: DeployResponse): Effect.Effect<void> =>
  Effect.async((resume) => {
    call.write(message, () => resume(Effect.void))
  })

const fail = (code: Refusal["code"], details: string): Effect.Effect<never, Refusal> =>
  Effect.fail(refusal(code, details))
