/**
 * Who gives a command, for the audit. Node does not tell who is at the other end
 * of a unix socket, so this is what the client says of itself, and is noted as
 * that; what is certain is that whoever it was may use the socket.
 */
import type { HttpServerRequest } from "@effect/platform/HttpServerRequest"

import { clientHeader } from "../control/client-header.ts"

/** A name, an id and a name behind sudo fit well. */
const longest = 120

export const actorOf = ({ headers }: Pick<HttpServerRequest, "headers">): string => {
  const claim = (headers[clientHeader] ?? "").replaceAll(/[^ -~]+/g, "?").trim().slice(0, longest)
  return claim === "" ? "unknown" : `${claim}, as claimed`
}
