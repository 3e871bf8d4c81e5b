/**
 * How content bytes become a gRPC message with one copy.
 *
 * The ordinary way copies them three times: into a protobuf writer, out of it,
 * and into the buffer where grpc-js puts its five bytes of framing in front.
 * Here the encoder returns a stand-in for the encoded message that knows its
 * length and how to copy itself, which is all that the identity encoding of
 * grpc-js 1.14 asks of it (`IdentityHandler.writeMessage` in
 * `compression-filter.js`); the protobuf header and the bytes go straight into
 * the framed buffer. Compression must stay off on the channel.
 */
import type { DeployRequest, ImageTransfer } from "../../src/npu/messages.ts"

/** What the upload writes: content goes as a frame. */
export type OutgoingDeployRequest =
  | { readonly imageTransfer: ImageTransfer }
  | { readonly imageTransferEnd: Record<string, never> }
  | ContentFrame

/** `DeployRequest { content }`, encoded when grpc-js copies it. */
export class ContentFrame {
  readonly #view: Uint8Array
  readonly #onCopied: () => void
  readonly #header: Uint8Array
  readonly length: number

  /** The view must hold still until `onCopied`. */
  constructor(view: Uint8Array, onCopied: () => void) {
    this.#view = view
    this.#onCopied = onCopied
    this.#header = contentHeader(view.byteLength)
    this.length = this.#header.byteLength + view.byteLength
  }

  /** The signature of `Buffer.copy`, as far as it is used. */
  copy(target: Uint8Array, start: number): number {
    target.set(this.#header, start)
    target.set(this.#view, start + this.#header.byteLength)
    this.#onCopied()
    return this.length
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
