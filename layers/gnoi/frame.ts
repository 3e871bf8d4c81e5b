/**
 * How content bytes become a gRPC message without a copy.
 *
 * The ordinary way copies them three times: into a protobuf writer, out of it,
 * and into the buffer where grpc-js puts its five bytes of framing in front.
 * Here the encoder returns a stand-in for the encoded message, and the identity
 * encoding of grpc-js 1.14 (`IdentityHandler.writeMessage` in
 * `compression-filter.js`) is taught to ask it for the whole framed message:
 * both headers are written before the bytes, into room that the source leaves
 * there. Without such room, or where grpc-js has come to look otherwise, the
 * stand-in is copied once, by its length and its `copy`. Compression must stay
 * off on the channel, and the buffer for retries as well: it would hold on to
 * bytes that are overwritten when they went out.
 */
import { CompressionFilter } from "@grpc/grpc-js/build/src/compression-filter.js"

import type { DeployRequest, ImageTransfer } from "../../src/npu/messages.ts"

/** What the upload writes: content goes as a frame. */
export type OutgoingDeployRequest =
  | { readonly imageTransfer: ImageTransfer }
  | { readonly imageTransferEnd: Record<string, never> }
  | ContentFrame

/** A compression flag and the message's length. */
const framing = 5

/** `DeployRequest { content }`, encoded when grpc-js sends it. */
export class ContentFrame {
  readonly #view: Uint8Array
  readonly #headroom: number
  #onServed: (() => void) | undefined
  readonly #header: Uint8Array
  readonly length: number

  /**
   * The view must hold still until `onServed`, which is called once.
   *
   * @param headroom bytes before the view, in its buffer, that are free
   */
  constructor(view: Uint8Array, headroom: number, onServed: () => void) {
    this.#view = view
    this.#headroom = headroom
    this.#onServed = onServed
    this.#header = contentHeader(view.byteLength)
    this.length = this.#header.byteLength + view.byteLength
  }

  /** The framed message in the view's own buffer, or undefined where there is no room before it. */
  inPlace(): Buffer | undefined {
    const before = framing + this.#header.byteLength
    if (this.#headroom < before) return undefined
    const whole = Buffer.from(this.#view.buffer, this.#view.byteOffset - before, before + this.#view.byteLength)
    whole.writeUInt8(0, 0)
    whole.writeUInt32BE(this.length, 1)
    whole.set(this.#header, framing)
    return whole
  }

  /** The signature of `Buffer.copy`, as far as it is used. */
  copy(target: Uint8Array, start: number): number {
    target.set(this.#header, start)
    target.set(this.#view, start + this.#header.byteLength)
    this.served()
    return this.length
  }

  /** The bytes went out. */
  served(): void {
    this.#onServed?.()
    this.#onServed = undefined
  }
}

/** An encoder that lets frames through and leaves the rest to the definition's own. */
export const encodeDeployRequest =
  (encode: (request: DeployRequest) => Buffer) => (request: OutgoingDeployRequest): Buffer =>
    request instanceof ContentFrame ? request as unknown as Buffer : encode(request)

/** Field 2, length-delimited, then the length as a varint. */
const contentHeader = (length: number): Uint8Array => {
  const bytes = [0x12]
  for (let rest = length;; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest])
    bytes.push(rest % 128 | 0x80)
  }
}

type WriteMessage = (this: unknown, message: Buffer, compress: boolean) => Promise<Buffer>

const identity: unknown = Reflect.get(new CompressionFilter({}, {}), "sendCompression")
const prototype = Object.getPrototypeOf(identity) as { writeMessage?: WriteMessage }
const ordinary = prototype.writeMessage
if (typeof ordinary === "function") {
  prototype.writeMessage = function(message, compress) {
    const frame: unknown = message
    const whole = frame instanceof ContentFrame ? frame.inPlace() : undefined
    return whole === undefined ? ordinary.call(this, message, compress) : Promise.resolve(whole)
  }
}
