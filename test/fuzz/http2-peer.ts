/**
 * The server's end of HTTP/2, framed by hand: it can do what no library lets one
 * do, and nothing of it stands between a hostile answer and who must bear it.
 * Requests are not decoded; who asks knows what was asked.
 */
import type { Socket } from "node:net"

const type = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, window: 8 } as const
const endStream = 1
const endHeaders = 4
const preface = 24
const largestFrame = 16_384

export type HeaderList = ReadonlyArray<readonly [string, string]>

/** One call, as its server sees it. */
export interface Call {
  /** Neither side has reset it, and the connection is there. */
  readonly open: () => boolean
  readonly headers: (list: HeaderList, end: boolean) => void
  /** Sent as fast as the client's windows let it. */
  readonly data: (bytes: Buffer) => void
  /** After all data: trailers, or without any an end. */
  readonly end: (trailers?: HeaderList) => void
  readonly reset: (code: number) => void
  readonly goaway: (code: number, last: number, text: Buffer) => void
  /** Any bytes at all. */
  readonly raw: (bytes: Buffer) => void
  readonly hangUp: (hard: boolean) => void
  /** Calls back once, with the first content or the end of the request. */
  readonly onContent: (act: () => void) => void
}

interface Stream {
  window: number
  queue: Array<Buffer>
  ending: (() => void) | undefined
  open: boolean
  onContent: (() => void) | undefined
}

/** Speaks on this socket; each call that begins goes to `onCall`. Who does not read gives no windows. */
export const speak = (socket: Socket, reads: boolean, onCall: (call: Call) => void): void => {
  const streams = new Map<number, Stream>()
  let held: Buffer = Buffer.alloc(0)
  let greeted = false
  let connectionWindow = 65_535
  let initialWindow = 65_535

  const send = (kind: number, flags: number, id: number, payload: Buffer): void => {
    if (socket.writable) socket.write(frame(kind, flags, id, payload))
  }

  const flush = (id: number, stream: Stream): void => {
    while (stream.queue.length > 0 && stream.window > 0 && connectionWindow > 0) {
      const first = stream.queue[0]!
      const count = Math.min(first.length, stream.window, connectionWindow, largestFrame)
      send(type.data, 0, id, first.subarray(0, count))
      stream.window -= count
      connectionWindow -= count
      if (count === first.length) stream.queue.shift()
      else stream.queue[0] = first.subarray(count)
    }
    if (stream.queue.length > 0 || stream.ending === undefined) return
    stream.ending()
    stream.ending = undefined
  }

  const callOf = (id: number, stream: Stream): Call => ({
    open: () => stream.open && socket.writable,
    headers: (list, end) => send(type.headers, endHeaders | (end ? endStream : 0), id, encode(list)),
    data: (bytes) => {
      stream.queue.push(bytes)
      flush(id, stream)
    },
    end: (trailers) => {
      stream.ending = () =>
        trailers === undefined
          ? send(type.data, endStream, id, Buffer.alloc(0))
          : send(type.headers, endHeaders | endStream, id, encode(trailers))
      flush(id, stream)
    },
    reset: (code) => {
      stream.open = false
      send(type.reset, 0, id, word(code))
    },
    goaway: (code, last, text) => send(type.goaway, 0, 0, Buffer.concat([word(last), word(code), text])),
    raw: (bytes) => void (socket.writable && socket.write(bytes)),
    hangUp: (hard) => void (hard ? socket.resetAndDestroy() : socket.end()),
    onContent: (act) => {
      stream.onContent = act
    }
  })

  const content = (stream: Stream | undefined): void => {
    const act = stream?.onContent
    if (stream !== undefined) stream.onContent = undefined
    act?.()
  }

  const received = (kind: number, flags: number, id: number, payload: Buffer): void => {
    const stream = streams.get(id)
    if (kind === type.settings && (flags & 1) === 0) {
      for (let at = 0; at + 6 <= payload.length; at += 6) {
        if (payload.readUInt16BE(at) === 4) initialWindow = payload.readUInt32BE(at + 2)
      }
      send(type.settings, 1, 0, Buffer.alloc(0))
    } else if (kind === type.ping && (flags & 1) === 0) send(type.ping, 1, 0, payload)
    else if (kind === type.headers && stream === undefined) {
      const begun: Stream = { window: initialWindow, queue: [], ending: undefined, open: true, onContent: undefined }
      streams.set(id, begun)
      onCall(callOf(id, begun))
    } else if (kind === type.data) {
      if (reads && payload.length > 0) {
        send(type.window, 0, 0, word(payload.length))
        send(type.window, 0, id, word(payload.length))
      }
      content(stream)
    } else if (kind === type.reset && stream !== undefined) {
      stream.open = false
      stream.queue = []
      streams.delete(id)
    } else if (kind === type.window && payload.length === 4) {
      const more = payload.readUInt32BE(0) & 0x7fffffff
      if (id === 0) connectionWindow += more
      else if (stream !== undefined) stream.window += more
      for (const [each, open] of streams) flush(each, open)
    }
  }

  socket.write(frame(type.settings, 0, 0, Buffer.alloc(0)))
  socket.on("data", (piece: Buffer) => {
    held = held.length === 0 ? piece : Buffer.concat([held, piece])
    if (!greeted) {
      if (held.length < preface) return
      greeted = true
      held = held.subarray(preface)
    }
    while (held.length >= 9) {
      const length = held.readUIntBE(0, 3)
      if (held.length < 9 + length) return
      received(held[3]!, held[4]!, held.readUInt32BE(5) & 0x7fffffff, held.subarray(9, 9 + length))
      held = held.subarray(9 + length)
    }
  })
}

/** Any frame. */
export const frame = (kind: number, flags: number, id: number, payload: Buffer, length = payload.length): Buffer => {
  const head = Buffer.alloc(9)
  head.writeUIntBE(length, 0, 3)
  head[3] = kind
  head[4] = flags
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value >>> 0)
  return bytes
}

/** HPACK without its table: literal fields, never indexed, not compressed. */
const encode = (list: HeaderList): Buffer =>
  Buffer.concat(list.flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]))

const literal = (text: string): Buffer => {
  const bytes = Buffer.from(text, "latin1")
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
  const length = [127]
  for (let rest = bytes.length - 127;; rest >>>= 7) {
    length.push(rest < 128 ? rest : (rest & 127) | 128)
    if (rest < 128) return Buffer.concat([Buffer.from(length), bytes])
  }
}
