/**
 * Keeps the native side of an HTTP/2 session until those of its streams are
 * collected. A stream that was given up in the midst of its peer's headers, with
 * a write that the peer does not take, is left to the garbage collector, and what
 * it has of the headers is counted as the session's memory. Where the session is
 * collected no later, Node 20 finds that its count is not zero, and aborts the
 * process ("Assertion failed: (current_nghttp2_memory_) == (0)").
 *
 * Both are behind a symbol of Node's own. Where that is called otherwise nothing
 * is kept, and the test of this folder says so.
 */
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2"

/** What is registered with it is held for as long as its target lives. */
const targets = new FinalizationRegistry<object>(() => {})

/** To be called once for a session, before its first request. */
export const keepBehindStreams = (session: ClientHttp2Session): void => {
  const request = session.request.bind(session)
  session.request = (headers, options) => {
    const stream = request(headers, options)
    if (stream.pending) stream.once("ready", () => keep(session, stream))
    else keep(session, stream)
    return stream
  }
}

const keep = (session: ClientHttp2Session, stream: ClientHttp2Stream): void => {
  const [kept, target] = [handleOf(session), handleOf(stream)]
  if (kept !== undefined && target !== undefined) targets.register(target, kept)
}

const handleOf = (of: object): object | undefined => {
  const symbol = Object.getOwnPropertySymbols(of).find(({ description }) => description === "kHandle")
  return symbol === undefined ? undefined : (of as Readonly<Record<symbol, object | undefined>>)[symbol]
}
