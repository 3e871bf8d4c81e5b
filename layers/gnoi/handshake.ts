/**
 * A time limit for what comes between TCP and the first word of HTTP/2.
 *
 * grpc-js 1.14 has none: a peer that accepts the connection and then keeps
 * silent (a frozen process, a port forwarded to nothing) holds the channel in
 * CONNECTING, no backoff runs, and even closing the channel leaves the socket.
 * The only hook that sees the socket is the connector of the credentials, so it
 * is wrapped: a socket that brought nothing in time is destroyed, which grpc-js
 * takes for an ordinary failure to connect.
 */
import type { Socket } from "node:net"

import * as grpc from "@grpc/grpc-js"

/** The same credentials, with a limit in milliseconds for TLS and the first bytes of HTTP/2 together. */
export const withHandshakeLimit = (credentials: grpc.ChannelCredentials, limit: number): grpc.ChannelCredentials =>
  new LimitedCredentials(credentials, limit)

type SecureConnector = ReturnType<grpc.ChannelCredentials["_createSecureConnector"]>

class LimitedCredentials extends grpc.ChannelCredentials {
  readonly #inner: grpc.ChannelCredentials
  readonly #limit: number

  constructor(inner: grpc.ChannelCredentials, limit: number) {
    super()
    this.#inner = inner
    this.#limit = limit
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure()
  }

  override _equals(other: grpc.ChannelCredentials): boolean {
    return other instanceof LimitedCredentials && this.#limit === other.#limit && this.#inner._equals(other.#inner)
  }

  override _createSecureConnector(
    ...[target, options, callCredentials]: Parameters<grpc.ChannelCredentials["_createSecureConnector"]>
  ): SecureConnector {
    const inner = this.#inner._createSecureConnector(target, options, callCredentials)
    return {
      connect: async (socket) => {
        const handshake = this.#limited(socket)
        const result = await inner.connect(socket)
        handshake.secured(result.socket)
        return result
      },
      waitForReady: () => inner.waitForReady(),
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => inner.destroy()
    }
  }

  #limited(socket: Socket): { readonly secured: (socket: Socket) => void } {
    let speaking: Socket | undefined
    // HTTP/2 reads from the handle, so there is no `data` to listen to; the
    // handle counts the bytes all the same.
    const timer = setTimeout(() => {
      if (speaking === undefined || speaking.bytesRead === 0) socket.destroy()
    }, this.#limit)
    timer.unref()
    socket.once("close", () => clearTimeout(timer))
    return {
      secured: (socket) => {
        speaking = socket
      }
    }
  }
}
