/**
 * Opens the HTTP/2 flow-control window of a grpc-js server. With the protocol's
 * 64 KiB a receiver holds up every sender, whatever that does.
 *
 * grpc-js 1.14 has the option (`grpc-node.flow_control_window`) for channels
 * only, so the http2 server that it makes inside is reached here; a test holds
 * that the window is open, in case that changes.
 */
import type { Http2Server, ServerHttp2Session, ServerOptions } from "node:http2"
import type { TLSSocket } from "node:tls"

import type { Server } from "@grpc/grpc-js"

/** Bytes that a sender may have under way on one stream and on one connection. */
export const windowSize = 8 * 2 ** 20

interface Inside {
  readonly commonServerOptions: ServerOptions
  createHttp2Server: (...credentials: ReadonlyArray<unknown>) => Http2Server
}

/**
 * To be called before the server gets its first listener. `onHandshake` hears of
 * each TLS handshake that ended well.
 */
export const openWindow = (server: Server, onHandshake?: (socket: TLSSocket) => void): void => {
  const inside = server as unknown as Inside
  const options = inside.commonServerOptions
  options.settings = { ...options.settings, initialWindowSize: windowSize }
  const make = inside.createHttp2Server.bind(server)
  inside.createHttp2Server = (...credentials) => {
    const http2 = make(...credentials)
    http2.on("session", (session: ServerHttp2Session) => session.setLocalWindowSize(windowSize))
    if (onHandshake !== undefined) http2.on("secureConnection", onHandshake)
    return http2
  }
}
