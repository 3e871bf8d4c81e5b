/** An NPU that nobody should trust: HTTP/2 and gRPC as their rules allow, and as they do not. */
import * as net from "node:net"

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import type { Chance } from "../../src/simulate/chance.ts"
import * as Garbage from "./garbage.ts"
import { type Call, frame, type HeaderList, speak } from "./http2-peer.ts"

/** What is being answered: by which chance, and to which method, as far as that is known. */
export interface Asked {
  readonly chance: Chance
  readonly method: string
}

/** A server on a port of its own until the scope ends; `asked` is looked at anew for each call or connection. */
export const serve = (
  how: (asked: () => Asked) => (socket: net.Socket) => void,
  asked: () => Asked
): Effect.Effect<number, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ readonly port: number; readonly close: () => void }, Error>((resume) => {
      const sockets = new Set<net.Socket>()
      const server = net.createServer((socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        socket.on("close", () => sockets.delete(socket))
        how(asked)(socket)
      })
      const close = () => {
        server.close()
        for (const socket of sockets) socket.resetAndDestroy()
      }
      server.on("error", (error) => resume(Effect.fail(error)))
      server.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({ port: (server.address() as net.AddressInfo).port, close })))
    }),
    ({ close }) =>
      Effect.sync(close)
  ).pipe(Effect.map(({ port }) =>
    port
  ))

/** gRPC that begins as it should, and then lies. */
export const overHttp2 = (asked: () => Asked) => (socket: net.Socket): void =>
  speak(socket, asked().chance.hits(0.9), (call) => answer(asked(), call))

const answer = ({ chance, method }: Asked, call: Call): void => {
  const kind = chance.below(100)
  if (kind < 2) return // silence
  if (kind < 5) return call.reset(chance.below(14))
  if (kind < 8) return call.headers([...head(chance), ...trailers(chance)], true)
  if (kind < 9) return call.goaway(chance.below(14), chance.pick([0, 1, 2 ** 31 - 1]), Garbage.bytes(chance, 50))
  if (kind < 10) return call.hangUp(chance.hits(0.5))
  if (kind < 11) return call.raw(frames(chance))
  call.headers(head(chance), false)
  if (kind < 13 && chance.hits(0.03)) return flood(call, Garbage.answer(chance, method))
  const messages = Array.from(
    { length: chance.hits(0.05) ? chance.below(300) : chance.below(5) },
    () => Garbage.framed(chance, Garbage.answer(chance, method))
  )
  const ending = chance.below(20)
  const act = (): void => {
    // In one piece, in some, or with frames between that belong to nobody.
    if (chance.hits(0.5)) call.data(Buffer.concat(messages))
    else for (const message of messages) call.data(message)
    if (ending < 14) call.end(trailers(chance))
    else if (ending < 15) call.end()
    else if (ending < 16) call.reset(chance.below(14))
    else if (ending < 17) call.hangUp(chance.hits(0.5))
    else if (ending < 18) {
      call.goaway(0, 2 ** 31 - 1, Buffer.alloc(0))
      call.end(trailers(chance))
    } else if (ending < 19) call.raw(frames(chance))
    // else it goes on for ever, in silence
  }
  // An upload speaks first; some answers wait for it and some do not.
  if (method === "Deploy" && chance.hits(0.5)) call.onContent(act)
  else act()
}

/** What a peer sends when it does not stop, bytes: more than any list may come to. */
const endless = 20 * 2 ** 20

const flood = (call: Call, message: Buffer): void => {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  const each = Math.max(1, Math.floor(65_536 / (message.length + 5)))
  const piece = Buffer.concat(Array.from({ length: each }, () => Buffer.concat([head, message])))
  for (let sent = 0; sent < endless; sent += piece.length) call.data(piece)
}

/** Headers that begin a gRPC answer, or something else. */
const head = (chance: Chance): HeaderList => [
  [":status", chance.hits(0.9) ? "200" : chance.pick(["100", "204", "301", "404", "429", "500", "503", "999", "x"])],
  [
    "content-type",
    chance.hits(0.9)
      ? "application/grpc"
      : chance.pick(["application/grpc+json", "text/html", "application/json; charset=\"x", ""])
  ],
  ...(chance.hits(0.04) ? [["grpc-encoding", chance.pick(["gzip", "deflate", "snappy", ""])] as const] : []),
  ...(chance.hits(0.04) ? [["x-long", "x".repeat(chance.below(16_000))] as const] : []),
  ...(chance.hits(0.02) ? [[chance.pick(["UPPER", "", "a b", ":status", "connection"]), "\u0000\r\n"] as const] : [])
]

const statuses = [...Array(17).keys(), 99, -1].map(String)

const trailers = (chance: Chance): HeaderList => [
  ...(chance.hits(0.95)
    ? [["grpc-status", chance.hits(0.4) ? "0" : chance.pick([...statuses, "x", "", "1e9"])] as const]
    : []),
  ...(chance.hits(0.5) ? [["grpc-message", Garbage.headerText(Garbage.text(chance))] as const] : []),
  ...(chance.hits(0.05)
    ? [["grpc-status-details-bin", Garbage.bytes(chance, 50).toString("base64")] as const]
    : [])
]

/** HTTP/2 frames of any type, flags, stream and length, which may lie. */
export const frames = (chance: Chance): Buffer =>
  Buffer.concat(Array.from({ length: 1 + chance.below(8) }, () => {
    const payload = Garbage.bytes(chance, chance.hits(0.1) ? 2000 : 60)
    return frame(
      chance.hits(0.9) ? chance.below(11) : chance.below(256),
      chance.below(256),
      chance.pick([0, 1, 1, 1, 2, 3, 0x7fffffff, 0xffffffff]),
      payload,
      chance.hits(0.8) ? payload.length : chance.below(0x1000000)
    )
  }))

const elsewise: ReadonlyArray<string> = [
  "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
  "SSH-2.0-OpenSSH_9.2\r\n",
  "\u0016\u0003\u0001\u0002\u0000",
  "+OK\r\n",
  "<html><body>It works!</body></html>"
]

/** Another protocol, HTTP/2 that breaks its own rules, or nothing at all. */
export const overTcp = (asked: () => Asked) => (socket: net.Socket): void => {
  const { chance } = asked()
  const kind = chance.below(20)
  if (kind < 1) return // accepts, and says nothing
  if (kind < 4) return void socket.resetAndDestroy()
  if (kind < 6) return void socket.end(chance.pick(elsewise))
  if (kind < 8) return void socket.end(Garbage.bytes(chance, 4000))
  socket.write(frame(4, 0, 0, Buffer.alloc(0)))
  // Some frames come before the first request, some as answers to what the client says.
  if (chance.hits(0.5)) socket.write(frames(chance))
  let left = chance.below(5)
  socket.on("data", () => {
    if (left-- > 0) socket.write(frames(chance))
    else if (chance.hits(0.3)) socket.destroy()
  })
}
