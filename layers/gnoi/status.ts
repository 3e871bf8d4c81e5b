/**
 * From a grpc-js status to a `WireError`, with where the status arose.
 *
 * grpc-js 1.14 hands every end of a call over as `{ code, details, metadata }`
 * and keeps nothing that tells the peer's statuses from its own: "Connection
 * dropped" and a peer's "port in use" are both UNAVAILABLE. What differs is the
 * metadata object. For a status that came over the wire it is the very object
 * that `Metadata.fromHttp2Headers` made of the trailers, and no layer of grpc-js
 * copies it on the way up; for a status made on this side (refused or lost
 * connection, deadline, cancellation, RST_STREAM without trailers, HTTP error
 * page, message too large or undecodable) it is a new, empty one. So the
 * metadata objects made from headers with a `grpc-status` are remembered here,
 * weakly, with the code they carried. The code is compared too, since grpc-js
 * reuses the peer's metadata for one status of its own: OK without a message.
 *
 * Should a later grpc-js copy the metadata, every status would count as local;
 * the tests of this folder would say so at once.
 */
import * as grpc from "@grpc/grpc-js"

import type { MethodName } from "../../src/npu/messages.ts"
import type { GrpcCode } from "../../src/npu/wire.ts"
import { WireError } from "../../src/npu/wire.ts"

/** The code that the peer's trailers carried, by the metadata made from them. */
const codeOfTrailers = new WeakMap<grpc.Metadata, number>()

const fromHttp2Headers = grpc.Metadata.fromHttp2Headers
grpc.Metadata.fromHttp2Headers = (headers) => {
  const metadata = fromHttp2Headers(headers)
  const status = headers["grpc-status"]
  if (status !== undefined) codeOfTrailers.set(metadata, Number(status))
  return metadata
}

/** The part of a grpc-js status or service error that matters here. */
export interface EndStatus {
  readonly code: number
  /** grpc-js says that it is always there, but hands over what was thrown inside it as a status too. */
  readonly details: string | undefined
  readonly metadata: grpc.Metadata
}

/** A status other than OK as an error of the `Wire`. */
export const errorOfStatus = (method: MethodName, status: EndStatus): WireError => {
  const sent = codeOfTrailers.get(status.metadata)
  return new WireError({
    method,
    code: nameOfCode(status.code),
    origin: sent !== undefined && Object.is(sent, status.code) ? "peer" : "local",
    details: tidy(status.details ?? "")
  })
}

/** An error that this side makes up by itself. */
export const localError = (method: MethodName, code: GrpcCode, details: string): WireError =>
  new WireError({ method, code, origin: "local", details })

/** Numbers outside the canonical ones count as UNKNOWN, as gRPC demands. */
const nameOfCode = (code: number): GrpcCode => {
  const name = grpc.status[code]
  return name === undefined || name === "OK" ? "UNKNOWN" : name as GrpcCode
}

/** What grpc-js wraps around the one fact that an operator needs: `connect ECONNREFUSED 169.254.200.254:8080`. */
const tidy = (details: string): string =>
  details
    .replace(/^No connection established\. Last error: /, "")
    .replace(/^Error: /, "")
    .replace(/\.? ?Resolution note: *$/, "")
