/**
 * Deploy: announce, wait for `ready`, send, end, wait.
 *
 * The loop over chunks is plain code on purpose: with an Effect for each chunk
 * it costs three times the processor time. It waits in one place, `#until`, and
 * everything that can happen (a message, a write that went out, bytes that were
 * read, the end of the call, a time-out) wakes it there.
 *
 * One write is outstanding at a time, and its callback is the back-pressure. See
 * `frame.ts` for what the bytes go through.
 */
import * as grpc from "@grpc/grpc-js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import type { DeployResponse } from "../../src/npu/messages.ts"
import type { ByteReader, DeployCall, DeployEnd, GrpcCode } from "../../src/npu/wire.ts"
import { WireError } from "../../src/npu/wire.ts"
import type { CallRecord, Connection } from "./connection.ts"
import { ContentFrame, encodeDeployRequest, type OutgoingDeployRequest } from "./frame.ts"
import { deployMethod } from "./methods.ts"
import type { EndStatus } from "./status.ts"
import { errorOfStatus, localError } from "./status.ts"
import { started } from "./unary.ts"

export const deploy = (connection: Connection, call: DeployCall): Effect.Effect<DeployEnd, WireError> => {
  if (call.source === undefined) return transfer(connection, call, undefined)
  return call.source.open.pipe(
    Effect.mapError((error) => localError("Deploy", "DATA_LOSS", error.reason)),
    Effect.flatMap((reader) => transfer(connection, call, { reader, size: call.source!.size })),
    Effect.scoped
  )
}

const transfer = (
  connection: Connection,
  call: DeployCall,
  bytes: Bytes | undefined
): Effect.Effect<DeployEnd, WireError> =>
  Effect.async((resume) => {
    const record = connection.begin()
    const duplex = started("Deploy", () => openDuplex(record))
    if (duplex instanceof WireError) return resume(Effect.fail(duplex))
    const upload = new Upload(duplex, record, call, bytes)
    void upload.run().then((result) => {
      if (upload.cancelled) return
      const error = record.ended(result instanceof WireError ? result : undefined)
      resume(error === undefined ? Effect.succeed(result as DeployEnd) : Effect.fail(error))
    })
    return Effect.sync(() => {
      record.dropped()
      upload.cancel()
    })
  })

type Bytes = { readonly reader: ByteReader; readonly size: number }
type Duplex = grpc.ClientDuplexStream<OutgoingDeployRequest, DeployResponse>

const openDuplex = ({ client, metadata }: CallRecord): Duplex => {
  const method = deployMethod()
  return client.makeBidiStreamRequest(
    method.path,
    encodeDeployRequest(method.encode),
    method.decode,
    metadata
  )
}

class Upload {
  readonly #duplex: Duplex
  readonly #call: DeployCall
  readonly #bytes: Bytes | undefined
  readonly #messages: Array<DeployResponse> = []
  #sentBytes = 0
  /** The bytes that the peer told last. */
  #progress = 0
  #chunkSize: number | undefined
  #endSent = false
  /** The peer said how it went; what follows is the end of the stream. */
  #verdict: "success" | "error" | undefined
  #status: EndStatus | undefined
  #failure: WireError | undefined
  #wake: (() => void) | undefined
  cancelled = false

  // The watch over idleness: one timer, armed anew only when it fires.
  #limit: number
  #since = performance.now()
  #timer: NodeJS.Timeout | undefined

  constructor(duplex: Duplex, record: CallRecord, call: DeployCall, bytes: Bytes | undefined) {
    this.#duplex = duplex
    this.#call = call
    this.#bytes = bytes
    this.#limit = Duration.toMillis(call.idleTimeout)
    duplex.on("data", (message: DeployResponse) => {
      record.heard()
      this.#received(message)
    })
    duplex.on("error", (status: grpc.ServiceError) => this.#ended(status))
    duplex.on("end", () => this.#ended({ code: grpc.status.OK, details: "", metadata: new grpc.Metadata() }))
  }

  async run(): Promise<DeployEnd | WireError> {
    this.#watch()
    try {
      this.#duplex.write({ imageTransfer: this.#call.transfer })
      if (this.#bytes !== undefined) await this.#send(this.#bytes)
      // The peer fetches the image itself: a half-close before it is done
      // would look like giving up.
      else await this.#until(() => this.#verdict !== undefined)
      if (!this.#over()) this.#duplex.end()
      await this.#until(() => false)
    } catch (error) {
      this.#fail("INTERNAL", error instanceof Error ? error.message : String(error))
    } finally {
      clearTimeout(this.#timer)
    }
    return this.#result()
  }

  cancel(): void {
    this.cancelled = true
    this.#fail("CANCELLED", "cancelled")
  }

  #result(): DeployEnd | WireError {
    if (this.#failure !== undefined) return this.#failure
    const status = this.#status!
    if (status.code !== grpc.status.OK) return errorOfStatus("Deploy", status)
    if (this.#bytes !== undefined && !this.#endSent && this.#verdict !== "error") {
      return localError(
        "Deploy",
        "ABORTED",
        `the peer ended the transfer after ${this.#sentBytes} bytes, before its end`
      )
    }
    return { messages: this.#messages, sentBytes: this.#sentBytes }
  }

  async #send({ reader, size }: Bytes): Promise<void> {
    await this.#until(() => this.#chunkSize !== undefined || this.#verdict !== undefined)
    if (this.#stopped()) return
    const { maximum, minimum } = this.#call.chunkSize
    const limit = Math.max(1, Math.min(Math.max(this.#chunkSize!, minimum), maximum))
    let read = this.#read(reader, limit)
    while (!this.#stopped()) {
      await this.#until(() => read.settled || this.#verdict !== undefined)
      if (this.#stopped()) return
      const view = read.view
      if (view === undefined) return this.#finish(size)
      if (view.byteLength === 0) {
        read = this.#read(reader, limit)
        continue
      }
      if (this.#sentBytes + view.byteLength > size) {
        return this.#fail("DATA_LOSS", `the source holds more than ${size} bytes`)
      }
      let flushed = false
      const frame = new ContentFrame(view, reader.headroom ?? 0, () => {
        // The view has served, also before the write went out where it was copied.
        read = this.#read(reader, limit)
      })
      this.#duplex.write(frame, () => {
        flushed = true
        frame.served()
        this.#touch()
      })
      await this.#until(() => flushed)
      if (!flushed || this.#failure !== undefined) return
      this.#sentBytes += view.byteLength
      this.#call.onProgress?.(this.#sentBytes)
    }
  }

  #finish(size: number): void {
    if (this.#sentBytes < size) {
      return this.#fail("DATA_LOSS", `the source ended after ${this.#sentBytes} of ${size} bytes`)
    }
    this.#duplex.write({ imageTransferEnd: {} })
    this.#endSent = true
    this.#limit = Duration.toMillis(this.#call.loadTimeout)
    this.#touch()
    this.#watch()
  }

  #read(reader: ByteReader, maximum: number): { settled: boolean; view: Uint8Array | undefined } {
    const read: { settled: boolean; view: Uint8Array | undefined } = { settled: false, view: undefined }
    reader.read(maximum).then((view) => {
      read.settled = true
      read.view = view
      this.#notify()
    }, (error: unknown) => this.#fail("DATA_LOSS", error instanceof Error ? error.message : String(error)))
    return read
  }

  #received(message: DeployResponse): void {
    const progress = message.imageTransferProgress
    if (progress !== undefined) return this.#progressed(Number(progress.bytesReceived))
    // A peer that follows the interface sends three; without end they are no progress either.
    if (this.#messages.length === mostMessages) return
    this.#messages.push(message)
    if (!this.#endSent) this.#touch()
    if (message.imageTransferReady !== undefined && this.#bytes !== undefined) {
      const asked = message.imageTransferReady.chunkSize
      if (asked <= 0) return this.#fail("FAILED_PRECONDITION", `the peer asks for chunks of ${asked} bytes`)
      this.#chunkSize ??= asked
    }
    if (message.imageTransferSuccess !== undefined) this.#verdict = "success"
    if (message.imageTransferError !== undefined) this.#verdict = "error"
    this.#notify()
  }

  /** Only what goes on counts: a peer that repeats itself would keep the transfer waiting for ever. */
  #progressed(bytes: number): void {
    const most = this.#bytes?.size ?? Number.POSITIVE_INFINITY
    if (this.#endSent || !(bytes > this.#progress && bytes <= most)) return
    this.#progress = bytes
    this.#touch()
  }

  #ended(status: EndStatus): void {
    this.#status ??= status
    this.#notify()
  }

  /** From now on the call counts as failed for this reason, whatever the peer still says. */
  #fail(code: GrpcCode, details: string): void {
    if (this.#over()) return
    this.#failure = localError("Deploy", code, details)
    this.#duplex.cancel()
    this.#notify()
  }

  #over(): boolean {
    return this.#status !== undefined || this.#failure !== undefined
  }

  /** Nothing is to be sent any more. */
  #stopped(): boolean {
    return this.#verdict !== undefined || this.#over()
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#over()) await new Promise<void>((resolve) => this.#wake = resolve)
  }

  #notify(): void {
    this.#wake?.()
  }

  #touch(): void {
    this.#since = performance.now()
    this.#notify()
  }

  #watch(): void {
    clearTimeout(this.#timer)
    if (this.#over() || !Number.isFinite(this.#limit)) return
    const left = this.#since + this.#limit - performance.now()
    if (left > 0) {
      this.#timer = setTimeout(() => this.#watch(), Math.min(Math.ceil(left), longestTimer))
    } else {
      this.#fail(
        "DEADLINE_EXCEEDED",
        this.#endSent
          ? `the image was not loaded within ${this.#limit} ms after its last byte`
          : `no progress for ${this.#limit} ms after ${this.#sentBytes} bytes`
      )
    }
  }
}

/** Messages without progress that are kept; further ones are passed over. */
const mostMessages = 16

/** What a Node timer can hold, milliseconds. */
const longestTimer = 2_147_483_647
