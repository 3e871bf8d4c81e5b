/** One request to the daemon and its reply, before anybody looks at what they say. */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/** Nobody answers on the socket, or nobody did so in time. `offloadctl` exits 4. */
export class NoDaemon extends Data.TaggedError("NoDaemon")<{
  readonly message: string
  /** Whether the request may have reached the daemon: false where no connection was had. */
  readonly sent: boolean
}> {}

/** This user may not use the socket. `offloadctl` exits 4. */
export class NotPermitted extends Data.TaggedError("NotPermitted")<{ readonly message: string }> {}

/** What came back is not an answer of the control API. `offloadctl` exits 1. */
export class BadReply extends Data.TaggedError("BadReply")<{ readonly message: string }> {}

export type ExchangeError = NoDaemon | NotPermitted | BadReply

/** Said where a change was asked for and no answer came: the daemon may have it, and carry it out. */
export const mayBeCarriedOut =
  "what was asked for may be carried out all the same: see \"offloadctl list\" and \"offloadctl events\" once it answers"

export type Method = "GET" | "POST" | "DELETE"

export interface Answer {
  readonly status: number
  readonly body: string
}

/** Path with query, body as JSON text; one request on one connection. Sent once: nothing here is retried. */
export type Exchange = (method: Method, path: string, body?: string) => Effect.Effect<Answer, ExchangeError>
