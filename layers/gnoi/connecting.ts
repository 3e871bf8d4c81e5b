/**
 * How a connection is made: TCP, TLS, the first words of HTTP/2, each with a
 * limit, and each failure by name.
 *
 * grpc-js 1.14 has no limit for any of them: a peer that accepts the connection
 * and then keeps silent holds the channel in CONNECTING for ever, no backoff
 * runs, and an attempt that a black hole swallows keeps its descriptor for two
 * minutes, also when the channel is closed meanwhile. It has no hook for it
 * either, so the method that makes a connection is replaced by one of the same
 * steps; grpc-js's own still makes the HTTP/2 session. Only channels with
 * `watchOption` are concerned. Should a later grpc-js connect otherwise, the
 * tests of this folder would say so at once.
 */
import type { ClientHttp2Session } from "node:http2"
import * as net from "node:net"

import type { ChannelOptions } from "@grpc/grpc-js"
import { Http2SubchannelConnector } from "@grpc/grpc-js/build/src/transport.js"

import { ConnectError, dialFault, greetingFault, tlsFault } from "./fault.ts"
import { keepBehindStreams } from "./kept-session.ts"

/** What a channel wants to know of its connections. */
export interface ConnectWatch {
  /** How long each stage may take, milliseconds. */
  readonly limit: number
  readonly reached: (stage: Stage) => void
  /** A connection is made; the socket is its. */
  readonly opened: (socket: net.Socket) => void
  readonly failed: (error: ConnectError) => void
  /** The peer says that it takes no further calls on this connection, and why. */
  readonly goaway: (reason: { readonly code: number; readonly text: string }) => void
}

export type Stage = "Dialing" | "Securing" | "Greeting"

/** A channel option of ours: a `ConnectWatch`. */
export const watchOption = "offloader.connect_watch"

type Connect = Http2SubchannelConnector["connect"]
type Parameter = Parameters<Connect>
type Transport = Awaited<ReturnType<Connect>>

/** What is private in grpc-js. */
interface Inside {
  readonly isShutdown: boolean
  createSession(secured: Secured, address: Parameter[0], options: ChannelOptions): Promise<Transport>
}
type Secured = Awaited<ReturnType<Parameter[1]["connect"]>>

const ordinary = Http2SubchannelConnector.prototype.connect
Http2SubchannelConnector.prototype.connect = function(address, connector, options): ReturnType<Connect> {
  const watch = options[watchOption] as ConnectWatch | undefined
  return watch === undefined
    ? ordinary.call(this, address, connector, options)
    : connect(this as unknown as Inside, watch, address, connector, options)
}

const connect = async (
  inside: Inside,
  watch: ConnectWatch,
  ...[address, connector, options]: Parameter
): Promise<Transport> => {
  let socket: net.Socket | undefined
  try {
    if (inside.isShutdown) throw new ConnectError("ConnectionLost", "the channel is closed")
    await connector.waitForReady()
    watch.reached("Dialing")
    socket = await dial(address, watch.limit)
    watch.reached("Securing")
    const secured = await within(watch.limit, socket, connector.connect(socket), "TLS")
    watch.reached("Greeting")
    const transport = await within(watch.limit, socket, greeted(inside, secured, address, options), "HTTP/2")
    watch.opened(secured.socket)
    keepBehindStreams(sessionOf(transport))
    sessionOf(transport).once("goaway", (code, _, data) => watch.goaway({ code, text: data?.toString() ?? "" }))
    return transport
  } catch (cause) {
    socket?.destroy()
    const error = cause instanceof ConnectError ? cause : new ConnectError("ConnectionLost", String(cause))
    watch.failed(error)
    throw error
  }
}

const dial = (address: Parameter[0], limit: number): Promise<net.Socket> =>
  new Promise((resolve, reject) => {
    const socket = net.connect(address)
    const fail = (error: ConnectError): void => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    const timer = setTimeout(
      () => fail(new ConnectError("TimedOut", `${nameOf(address)} did not answer within ${limit} ms`)),
      limit
    )
    const failed = (error: Error): void => fail(dialFault(error))
    socket.once("error", failed)
    socket.once("connect", () => {
      clearTimeout(timer)
      socket.off("error", failed)
      socket.setNoDelay()
      resolve(socket)
    })
  })

const nameOf = (address: Parameter[0]): string => "path" in address ? address.path : `${address.host}:${address.port}`

/** A stage that takes too long ends with its socket. */
const within = async <A>(limit: number, socket: net.Socket, stage: Promise<A>, what: string): Promise<A> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new ConnectError("NoSettings", `the connection was accepted, but no ${what} came within ${limit} ms`))
      socket.destroy()
    }, limit)
  })
  try {
    return await Promise.race([stage, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The session after its SETTINGS. What the peer thinks of our certificate is an error of the socket, and so is a reset. */
const greeted = async (
  inside: Inside,
  secured: Secured,
  address: Parameter[0],
  options: ChannelOptions
): Promise<Transport> => {
  let broken: ConnectError | undefined
  const hear = (error: Error): void => {
    broken = tlsFault(error)
  }
  if (secured.secure) secured.socket.once("error", hear)
  try {
    return await inside.createSession(secured, address, options)
  } catch (cause) {
    throw greetingFault(broken !== undefined && saidBySocket.has(broken.fault) ? broken : cause, secured.secure)
  } finally {
    secured.socket.off("error", hear)
  }
}

const saidBySocket: ReadonlySet<ConnectError["fault"]> = new Set(["ClientCertificateRefused", "ConnectionLost"])

const sessionOf = (transport: Transport): ClientHttp2Session =>
  (transport as unknown as { readonly session: ClientHttp2Session }).session
