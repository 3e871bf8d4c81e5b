/** Taking a unix socket's path: clearing away what a dead daemon left, and nothing else. */
import { existsSync, lstatSync, unlinkSync } from "node:fs"
import * as net from "node:net"
import { dirname } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** The control socket cannot be served at this path; the message is a sentence for the operator. */
export class ControlSocketError extends Data.TaggedError("ControlSocketError")<{
  readonly path: string
  readonly reason: "InUse" | "NotASocket" | "TooLong" | "NotPermitted" | "Unusable"
  readonly message: string
}> {}

/** `sockaddr_un.sun_path` holds 108 bytes with its final zero. */
export const maxPathBytes = 107

/** Who answers on a socket, where it says so: `offloadd 0.1.0, pid 4711`. */
export type WhoAnswers = (path: string) => Effect.Effect<Option.Option<string>>

/**
 * Makes the path free to bind. Fails where somebody answers on it, where it is
 * no socket, is longer than 107 bytes or is out of bounds for this user. Two
 * daemons that do this at the very same moment are told apart by the lock on
 * the state folder, not here.
 */
export const claim = Effect.fn("control.claim")(function*(path: string, whoAnswers: WhoAnswers) {
  const bytes = new TextEncoder().encode(path).length
  if (bytes > maxPathBytes) {
    return yield* new ControlSocketError({
      path,
      reason: "TooLong",
      message: `the socket path ${path} is ${bytes} bytes long; a unix socket's path holds at most ${maxPathBytes}`
    })
  }
  // Asked here, since libuv reports a folder that is not there as one that is not permitted.
  if (!existsSync(dirname(path))) return yield* socketError(path, { name: "", message: "", code: "ENOENT" })
  const found = yield* knock(path)
  switch (found) {
    case "nothing":
      return
    case "answers": {
      const who = yield* whoAnswers(path)
      return yield* new ControlSocketError({
        path,
        reason: "InUse",
        message: `another offloadd (${
          Option.getOrElse(who, () => "it does not say which")
        }) answers on ${path}; stop it first, or give this one another --socket`
      })
    }
    case "refuses":
      return yield* removeStale(path)
  }
})

/** What connecting finds. Anything that keeps a connection waiting counts as an answer: a busy daemon is a daemon. */
const knock = (path: string): Effect.Effect<"nothing" | "refuses" | "answers", ControlSocketError> =>
  Effect.async<"nothing" | "refuses" | "answers", ControlSocketError>((resume) => {
    const socket = net.connect({ path })
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.succeed("answers"))
    })
    socket.once("error", (error: NodeJS.ErrnoException) => {
      switch (error.code) {
        case "ENOENT":
          return resume(Effect.succeed("nothing"))
        case "ECONNREFUSED":
        case "ENOTSOCK":
          return resume(Effect.succeed("refuses"))
        case "EAGAIN":
          return resume(Effect.succeed("answers"))
        default:
          return resume(Effect.fail(socketError(path, error)))
      }
    })
    return Effect.sync(() => socket.destroy())
  }).pipe(
    Effect.timeoutTo({ duration: "2 seconds", onSuccess: (found) => found, onTimeout: () => "answers" as const })
  )

const removeStale = (path: string): Effect.Effect<void, ControlSocketError> =>
  Effect.suspend(() => {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) return Effect.void
    if (found.isSocket()) {
      return Effect.try({
        try: () => unlinkSync(path),
        catch: (error) => socketError(path, error as NodeJS.ErrnoException)
      })
    }
    return new ControlSocketError({
      path,
      reason: "NotASocket",
      message: `${path} exists and is not a socket; it is left alone. Remove it or give another --socket`
    })
  })

/** The system's error on a socket path, as a sentence. */
export const socketError = (path: string, error: NodeJS.ErrnoException): ControlSocketError => {
  switch (error.code) {
    case "EACCES":
    case "EPERM":
      return new ControlSocketError({
        path,
        reason: "NotPermitted",
        message: `this user may not use the socket ${path}; run as root, or give a --socket in a folder of your own`
      })
    case "EROFS":
      return new ControlSocketError({
        path,
        reason: "NotPermitted",
        message: `the socket ${path} would be on a read-only file system; give another --socket`
      })
    case "EADDRINUSE":
      return new ControlSocketError({
        path,
        reason: "InUse",
        message: `the socket ${path} was taken by another process just now`
      })
    case "ENOENT":
    case "ENOTDIR":
      return new ControlSocketError({
        path,
        reason: "Unusable",
        message: `the folder of the socket ${path} does not exist; create it or give another --socket`
      })
    default:
      return new ControlSocketError({
        path,
        reason: "Unusable",
        message: `the socket ${path} cannot be used: ${error.message}`
      })
  }
}
