/**
 * Requests to the control socket, framed by hand over node:net: node:http costs
 * `offloadctl` a third of its start, and one request on one connection needs
 * little of it.
 */
import { statSync } from "node:fs"
import * as net from "node:net"
import { userInfo } from "node:os"

import type { TimeoutException } from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"

import { type ClientError, make } from "../../src/cli/control-client.ts"
import {
  type Answer,
  BadReply,
  type Exchange,
  type ExchangeError,
  mayBeCarriedOut,
  type Method,
  NoDaemon,
  NotPermitted
} from "../../src/cli/exchange.ts"
import { answerTimeout } from "../../src/control/answer-time.ts"
import { clientHeader } from "../../src/control/client-header.ts"
import { problemTrailer } from "../../src/control/problem-trailer.ts"
import { Reply } from "./reply.ts"

/** The longest answer taken, in bytes. */
export const answerLimit = 16 * 1024 * 1024

/** One request, one connection, one answer. */
export const exchange = (socketPath: string): Exchange => (method, path, body) =>
  Effect.async<Answer, ExchangeError>((resume) => {
    const pieces: Array<Buffer> = []
    let size = 0
    const socket = open(socketPath, method, path, body, {
      onPiece: (piece) => {
        size += piece.length
        if (size > answerLimit) throw new Error("it is too long")
        pieces.push(piece)
      },
      onDone: (status) => resume(Effect.succeed({ status, body: Buffer.concat(pieces).toString("utf8") })),
      onError: (error) => resume(Effect.fail(error))
    })
    return Effect.sync(() => socket.destroy())
  }).pipe(
    Effect.timeoutFail({
      duration: answerTimeout,
      onTimeout: () => unanswered(socketPath, method)
    })
  )

/** A daemon that is frozen, or has more to do than it can. */
export const unanswered = (socketPath: string, method: Method): NoDaemon =>
  new NoDaemon({
    message: `offloadd took the request on ${socketPath} and has not answered it in ${answerTimeout / 1000} s; `
      + `it is stuck or overloaded: see its log${method === "GET" ? "" : `. But ${mayBeCarriedOut}`}`,
    sent: true
  })

export interface Listener {
  /** The status, before the first piece. */
  readonly onHead?: (status: number) => void
  readonly onPiece: (piece: Buffer) => void
  /** The whole reply is here; `problem` is what a streamed one says at its end, where it broke off, as JSON. */
  readonly onDone: (status: number, problem?: string) => void
  /** Called once, and nothing after it. */
  readonly onError: (error: ExchangeError) => void
}

/** Sends one request; what comes back goes to the listener. Destroy the socket to stop. */
export const open = (
  socketPath: string,
  method: Method,
  path: string,
  body: string | undefined,
  listener: Listener
): net.Socket => {
  let connected = false
  let over = false
  const finish = (act: () => void) => {
    if (over) return
    over = true
    socket.destroy()
    act()
  }
  const reply = new Reply({ onHead: listener.onHead, onBody: listener.onPiece })
  const broken = () =>
    new NoDaemon({
      message: `the connection to offloadd on ${socketPath} broke off; it may have been restarted`,
      sent: true
    })
  const socket = net.connect({ path: socketPath })
  socket.on("connect", () => {
    connected = true
    const content = Buffer.from(body ?? "", "utf8")
    const head = [
      `${method} ${path} HTTP/1.1`,
      "host: offloadd",
      "connection: close",
      "accept: application/json",
      ...(method === "GET" ? [] : [`${clientHeader}: ${whoAsks()}`]),
      ...(method === "POST" ? ["content-type: application/json", `content-length: ${content.length}`] : [])
    ]
    socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), content]))
  })
  socket.on("data", (piece: Buffer) => {
    if (over) return
    try {
      reply.feed(piece)
    } catch (error) {
      return finish(() =>
        listener.onError(
          new BadReply({ message: `what answers on ${socketPath} is not offloadd: ${(error as Error).message}` })
        )
      )
    }
    if (reply.isDone) finish(() => listener.onDone(reply.status ?? 0, reply.trailers.get(problemTrailer)))
  })
  socket.on("end", () => {
    finish(() => reply.end() && reply.status !== undefined ? listener.onDone(reply.status) : listener.onError(broken()))
  })
  socket.on("error", (error: NodeJS.ErrnoException) => {
    finish(() => listener.onError(connected ? broken() : refusal(socketPath, error)))
  })
  return socket
}

/** For the daemon's record of commands. What cannot stand in a header is left out. */
const whoAsks = (): string => {
  const sudo = process.env["SUDO_USER"] ?? ""
  return `${userName()} (uid ${process.getuid?.() ?? "unknown"}${sudo === "" ? "" : `, ${sudo} by sudo`})`
    .replaceAll(/[^ -~]/g, "?")
}

const userName = (): string => {
  try {
    return userInfo().username
  } catch {
    // A user without an entry in the system's list has no name.
    return "unnamed"
  }
}

const refusal = (path: string, error: NodeJS.ErrnoException): ExchangeError => {
  // The system refuses a file or a folder as it does a socket on which nobody listens, or one that is not permitted.
  if (isOther(path)) {
    return new NoDaemon({
      message: `no offloadd answers at ${path}: that is no socket; give --socket where it is`,
      sent: false
    })
  }
  switch (error.code) {
    case "EACCES":
    case "EPERM":
      return new NotPermitted({
        message: `this user may not use the socket ${path}; run offloadctl as root or as a member of the socket's group`
      })
    case "ENOENT":
      return new NoDaemon({
        message:
          `no offloadd answers at ${path}: there is no such socket; start the daemon, or give --socket where it is`,
        sent: false
      })
    case "ECONNREFUSED":
      return new NoDaemon({
        message: `no offloadd answers at ${path}: it has stopped and left its socket behind; start the daemon`,
        sent: false
      })
    case "EINVAL":
    case "ENAMETOOLONG":
      return new NoDaemon({
        message: `no offloadd can answer at ${path}: a unix socket's path holds at most 107 bytes`,
        sent: false
      })
    default:
      return new NoDaemon({ message: `no offloadd answers at ${path}: ${error.message}`, sent: false })
  }
}

/** Whether something else than a socket is there. */
const isOther = (path: string): boolean => {
  try {
    return !statSync(path).isSocket()
  } catch {
    return false
  }
}

/** `version 0.1.0, pid 4711`, asked of what answers on the socket; it has a second to say so. */
export const askWho = (path: string): Effect.Effect<string, ClientError | TimeoutException> =>
  make(exchange(path)).version.pipe(
    Effect.timeout("1 second"),
    Effect.map((version) => `version ${version.daemon}, pid ${version.pid}`)
  )

/** The same, where it is said. */
export const whoAnswers = (path: string): Effect.Effect<Option.Option<string>> => Effect.option(askWho(path))
