/** An HTTP/1.1 reply, read piece by piece: content-length, chunked, or until the end. */

/** Longest status line and headers taken, in bytes. */
const headLimit = 16 * 1024

/** More trailers than this are passed over; the control API sends one. */
const mostTrailers = 16

/** A reply that is not HTTP as the control API speaks it. */
export class MalformedReply extends Error {}

type State = "head" | "sized" | "chunk-size" | "chunk" | "chunk-end" | "trailers" | "until-close" | "done"

export interface ReplyHandlers {
  /** Once, before the first piece of the body. */
  readonly onHead?: ((status: number) => void) | undefined
  /** For each piece of the body, in order. */
  readonly onBody: (piece: Buffer) => void
}

/** Feed it what arrives. `status` is known once the head was read, `trailers` with the end. `feed` throws MalformedReply. */
export class Reply {
  status: number | undefined
  /** What follows a chunked body; names in lower case. */
  readonly trailers = new Map<string, string>()
  #state: State = "head"
  #held: Buffer = Buffer.alloc(0)
  /** Bytes of the body, or of the chunk, still to come. */
  #left = 0
  readonly #handlers: ReplyHandlers

  constructor(handlers: ReplyHandlers) {
    this.#handlers = handlers
  }

  /** Whether the whole reply was read. */
  get isDone(): boolean {
    return this.#state === "done"
  }

  feed(piece: Buffer): void {
    this.#held = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    while (this.#step()) {
      // each step takes what it can of what is held
    }
  }

  /** The other side closed; whether that was a proper end. */
  end(): boolean {
    if (this.#state === "until-close") this.#state = "done"
    return this.#state === "done"
  }

  #step(): boolean {
    switch (this.#state) {
      case "head":
        return this.#readHead()
      case "sized":
      case "chunk":
        return this.#readBody()
      case "chunk-size": {
        const line = this.#takeLine()
        if (line === undefined) return false
        const size = /^[0-9a-fA-F]{1,12}(?=$|[;\s])/.exec(line)
        if (size === null) throw new MalformedReply(`a chunk's size reads ${JSON.stringify(line.slice(0, 40))}`)
        this.#left = Number.parseInt(size[0], 16)
        this.#state = this.#left === 0 ? "trailers" : "chunk"
        return true
      }
      case "chunk-end": {
        const line = this.#takeLine()
        if (line === undefined) return false
        if (line !== "") throw new MalformedReply("a chunk is longer than it said")
        this.#state = "chunk-size"
        return true
      }
      case "trailers": {
        const line = this.#takeLine()
        if (line === undefined) return false
        if (line === "") this.#state = "done"
        else if (this.trailers.size < mostTrailers) this.trailers.set(...field(line))
        return true
      }
      case "until-close":
        if (this.#held.length > 0) this.#handlers.onBody(this.#take(this.#held.length))
        return false
      case "done":
        return false
    }
  }

  #readHead(): boolean {
    const end = this.#held.indexOf("\r\n\r\n")
    if (end === -1) {
      if (this.#held.length > headLimit) throw new MalformedReply("its headers do not end")
      return false
    }
    const [first = "", ...rest] = this.#take(end + 4).toString("latin1").trimEnd().split("\r\n")
    const status = /^HTTP\/1\.[01] ([1-5][0-9]{2})(?: |$)/.exec(first)
    if (status === null) throw new MalformedReply(`it begins with ${JSON.stringify(first.slice(0, 40))}`)
    const headers = new Map(rest.map(field))
    const code = Number(status[1])
    // 1xx: the reply proper is still to come.
    if (code < 200) return true
    this.status = code
    this.#handlers.onHead?.(code)
    const length = headers.get("content-length")
    if (code === 204 || code === 304) this.#state = "done"
    else if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") this.#state = "chunk-size"
    else if (length === undefined) this.#state = "until-close"
    else if (!/^[0-9]{1,15}$/.test(length)) throw new MalformedReply(`its length is ${JSON.stringify(length)}`)
    else {
      this.#left = Number(length)
      this.#state = this.#left === 0 ? "done" : "sized"
    }
    return true
  }

  #readBody(): boolean {
    if (this.#held.length === 0) return false
    const piece = this.#take(Math.min(this.#left, this.#held.length))
    this.#left -= piece.length
    if (this.#left === 0) this.#state = this.#state === "sized" ? "done" : "chunk-end"
    this.#handlers.onBody(piece)
    return true
  }

  #takeLine(): string | undefined {
    const end = this.#held.indexOf("\r\n")
    if (end !== -1) return this.#take(end + 2).toString("latin1", 0, end)
    if (this.#held.length > headLimit) throw new MalformedReply("a line does not end")
    return undefined
  }

  #take(count: number): Buffer {
    const taken = this.#held.subarray(0, count)
    this.#held = this.#held.subarray(count)
    return taken
  }
}

const field = (line: string): readonly [name: string, value: string] => {
  const colon = line.indexOf(":")
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}
