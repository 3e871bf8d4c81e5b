/**
 * One client of the connection's: the calls on it, and what has become of its
 * attempts to connect. One that was replaced is closed when its last call is over.
 */
import type { Socket } from "node:net"

import type * as grpc from "@grpc/grpc-js"

import type { TransportFault } from "../../src/model/transport-fault.ts"
import type { WireError } from "../../src/npu/wire.ts"
import type { ConnectWatch, Stage } from "./connecting.ts"
import type { ConnectError } from "./fault.ts"

/**
 * Connections of one client that may be open at a time. A peer that says goodbye and
 * does not hang up keeps one, with the calls that still go on there; of more the oldest is cut.
 */
const mostSockets = 4

/** How long a client that was closed may take to part from its peer, milliseconds. */
const farewell = 1000

export class Line {
  readonly client: grpc.Client
  /** Why the last attempt failed; undefined once one went well. */
  failure: ConnectError | undefined
  /** How far the attempt under way has come; undefined while there is none. */
  #stage: Stage | undefined
  #connected = false
  /** The peer closed it because of our pings. */
  #pingedOut = false
  #calls = 0
  #retired = false
  readonly #sockets = new Set<Socket>()
  /** How to end the calls that have no deadline. */
  readonly #endless = new Set<() => void>()

  constructor(newClient: (watch: Omit<ConnectWatch, "limit">) => grpc.Client, onTooManyPings: () => void) {
    this.client = newClient({
      reached: (stage) => {
        this.#connected = false
        this.#stage = stage
      },
      opened: (socket) => this.#opened(socket),
      failed: (error) => {
        this.#stage = undefined
        this.failure = error
      },
      goaway: ({ code, text }) => {
        if (code !== enhanceYourCalm || text !== "too_many_pings") return
        this.#pingedOut = true
        onTooManyPings()
      }
    })
  }

  connected(): void {
    this.#connected = true
    this.#stage = undefined
    this.failure = undefined
    this.#pingedOut = false
  }

  /** A call begins; to be told once when it is over. */
  take(onGivenUp: (() => void) | undefined): () => void {
    this.#calls += 1
    if (onGivenUp !== undefined) this.#endless.add(onGivenUp)
    let over = false
    return () => {
      if (over) return
      over = true
      this.#calls -= 1
      if (onGivenUp !== undefined) this.#endless.delete(onGivenUp)
      this.#closeIfDone()
    }
  }

  retire(): void {
    this.#retired = true
    for (const giveUp of Array.from(this.#endless)) giveUp()
    this.#closeIfDone()
  }

  // Not sooner: grpc-js fails calls that wait for a connection when their channel is closed.
  #closeIfDone(): void {
    if (this.#retired && this.#calls === 0) this.close()
  }

  /** Closes the client; a peer that is in the middle of a frame, or silent, would keep its socket open for ever. */
  close(): void {
    this.client.close()
    setTimeout(() => this.#sockets.forEach((socket) => socket.destroy()), farewell).unref()
  }

  #opened(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once("close", () => this.#sockets.delete(socket))
    const [oldest] = this.#sockets
    if (this.#sockets.size > mostSockets) oldest?.destroy()
  }

  /** What an error says of the transport; nothing where the peer answered with a status of its own. */
  faultOf(error: WireError): TransportFault | undefined {
    if (error.origin === "peer") return undefined
    switch (error.code) {
      case "DEADLINE_EXCEEDED":
        if (this.#stage !== undefined) return this.#stage === "Dialing" ? "TimedOut" : "NoSettings"
        // Not even begun, it says nothing.
        return this.failure?.fault ?? (this.#connected ? "NoAnswer" : undefined)
      case "INTERNAL":
      case "UNKNOWN":
        // A broken stream; what cannot be decoded comes with the same codes.
        if (!/RST_STREAM|[Ss]ession/.test(error.details)) return undefined
        return this.#pingedOut ? "TooManyPings" : "ConnectionLost"
      case "RESOURCE_EXHAUSTED":
        return this.#pingedOut ? "TooManyPings" : undefined
      case "UNAVAILABLE":
        if (error.details.startsWith("Name resolution failed")) return "NameNotFound"
        if (error.details.includes("HTTP status code")) return "NotGrpc"
        return this.#pingedOut ? "TooManyPings" : this.failure?.fault ?? "ConnectionLost"
      default:
        return undefined
    }
  }
}

/** HTTP/2's error code for a peer that asks too much. */
const enhanceYourCalm = 11
