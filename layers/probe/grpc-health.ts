/**
 * gRPC's health protocol: one unary `grpc.health.v1.Health/Check` for the whole
 * server, framed by hand over node:http2. A channel of grpc-js would reconnect,
 * resolve and buffer, none of which a probe wants.
 */
import { connect } from "node:http2"

import { healthy, type Question, quote, unhealthy } from "./answer.ts"

/** `HealthCheckRequest` with an empty service: no compression, length 0. */
const request = Buffer.alloc(5)

/** The longest answer that is read, bytes; a real one has seven. */
const longest = 1024

const statuses: Readonly<Record<number, string>> = {
  0: "UNKNOWN",
  1: "SERVING",
  2: "NOT_SERVING",
  3: "SERVICE_UNKNOWN"
}

export const askGrpcHealth: Question = (socket, answered) => {
  const session = connect("http://probe", {
    createConnection: () => socket
  })
  // What is no HTTP/2 peer shows here; the socket's own errors are told by the socket first.
  session.on(
    "error",
    (error) => answered(unhealthy(`the health check was not answered as gRPC does: ${error.message}`))
  )
  session.on("goaway", () => answered(unhealthy("the server sent the health check away (GOAWAY)")))
  const stream = session.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    te: "trailers"
  })
  let heard = Buffer.alloc(0)
  let httpStatus: number | undefined
  let grpcStatus: unknown
  let grpcMessage: unknown
  const hear = (headers: { readonly [name: string]: unknown }): void => {
    grpcStatus ??= headers["grpc-status"]
    grpcMessage ??= headers["grpc-message"]
  }
  stream.on("response", (headers) => {
    httpStatus = headers[":status"]
    hear(headers)
  })
  stream.on("trailers", hear)
  stream.on("data", (chunk: Buffer) => {
    if (heard.length < longest) heard = Buffer.concat([heard, chunk])
  })
  stream.on("error", (error) => answered(unhealthy(`the health check broke off: ${error.message}`)))
  stream.on("end", () => {
    if (httpStatus !== 200) return answered(unhealthy(`the health check was answered with HTTP status ${httpStatus}`))
    if (grpcStatus !== "0") {
      const message = typeof grpcMessage === "string" && grpcMessage !== "" ? ` ${quote(grpcMessage)}` : ""
      return answered(
        unhealthy(`the health check was answered with gRPC status ${String(grpcStatus ?? "missing")}${message}`)
      )
    }
    const status = servingStatus(heard)
    if (status === 1) return answered(healthy)
    return answered(unhealthy(
      status === undefined
        ? "the health check was answered with a message that is none of gRPC's"
        : `the server says ${statuses[status] ?? `status ${status}`}`
    ))
  })
  stream.end(request)
}

/** The one field of `HealthCheckResponse`: `status`, number 1, a small enum; absent means 0. */
const servingStatus = (frame: Buffer): number | undefined => {
  if (frame.length < 5 || frame[0] !== 0 || frame.readUInt32BE(1) !== frame.length - 5) return undefined
  if (frame.length === 5) return 0
  return frame.length === 7 && frame[5] === 0x08 ? frame[6] : undefined
}
