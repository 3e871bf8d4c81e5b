/** The control socket: whether a daemon answers on it, and whether this user may ask. */
import { existsSync, lstatSync } from "node:fs"
import { connect } from "node:net"
import { dirname } from "node:path"

import * as Effect from "effect/Effect"

import type { Finding } from "../../src/cli/doctor.ts"
import { codeOf, failure, ok, warning } from "./finding.ts"

const check = "control socket"

/** Why what takes connections is not known to be a daemon; `TimeoutException` where it has not answered. */
interface Unknown {
  readonly _tag: string
  readonly message: string
}

/** `askWho` asks a socket that takes connections which daemon it is. */
export const socket = (
  path: string,
  askWho: (path: string) => Effect.Effect<string, Unknown>
): Effect.Effect<Finding> =>
  Effect.suspend(() => {
    let found
    try {
      found = lstatSync(path, { throwIfNoEntry: false })
    } catch (error) {
      return Effect.succeed(
        codeOf(error) === "EACCES"
          ? failure(check, `this user may not look at ${path}`, "run as root, or join the socket's group")
          : failure(check, `${path} cannot be looked at (${codeOf(error)})`, "mend the path, or give another --socket")
      )
    }
    if (found === undefined) {
      return Effect.succeed(warning(
        check,
        existsSync(dirname(path))
          ? `no daemon has ${path}: offloadd does not run`
          : `${dirname(path)} is not there: offloadd does not run`,
        "systemctl start offloadd; journalctl -u offloadd tells why it ended"
      ))
    }
    if (!found.isSocket()) {
      return Effect.succeed(failure(check, `${path} is no socket`, "remove it, or give another --socket"))
    }
    return Effect.flatMap(knock(path), (code) => {
      const mode = (found.mode & 0o777).toString(8).padStart(4, "0")
      switch (code) {
        case undefined:
          return Effect.match(askWho(path), {
            onFailure: (why) => nobodyKnown(path, why),
            onSuccess: (who) =>
              (found.mode & 0o007) === 0
                ? ok(check, `a daemon answers on ${path} (mode ${mode}): ${who}`)
                : warning(check, `everybody may use ${path} (mode ${mode})`, `chmod 0660 ${path}, and restart offloadd`)
          })
        case "ECONNREFUSED":
          return Effect.succeed(
            failure(check, `${path} is left of a daemon that is dead`, "systemctl restart offloadd")
          )
        case "EACCES":
        case "EPERM":
          return Effect.succeed(
            failure(check, `this user may not use ${path} (mode ${mode})`, "run as root, or join the socket's group")
          )
        default:
          return Effect.succeed(failure(check, `${path} does not answer (${code})`, "systemctl restart offloadd"))
      }
    })
  })

const nobodyKnown = (path: string, { _tag, message }: Unknown): Finding => {
  switch (_tag) {
    case "TimeoutException":
      return failure(
        check,
        `a process takes what is asked on ${path}, and does not say in time which daemon it is: it is stuck or overloaded`,
        "journalctl -u offloadd tells what it does; where that says nothing new, systemctl restart offloadd"
      )
    case "InternalError":
      return failure(check, message, "journalctl -u offloadd tells how; systemctl restart offloadd")
    case "NoDaemon":
    case "NotPermitted":
      return failure(
        check,
        `what takes connections on ${path} broke off before it said which daemon it is: it is not offloadd, or it just ended`,
        "run doctor again; where it stays so, ss -xlp tells which process it is: stop it, or give another --socket"
      )
    default:
      return failure(
        check,
        `what answers on ${path} is not offloadd, or is of another version than offloadctl`,
        "ss -xlp tells which process it is: where it is offloadd, systemctl restart offloadd starts the version that is "
          + "installed; else stop it, or give another --socket"
      )
  }
}

/** The error's code, or undefined where somebody accepts. */
const knock = (path: string): Effect.Effect<string | undefined> =>
  Effect.async<string | undefined>((resume) => {
    const client = connect({ path })
    client.once("connect", () => {
      client.destroy()
      resume(Effect.succeed(undefined))
    })
    client.once("error", (error: NodeJS.ErrnoException) => resume(Effect.succeed(error.code ?? error.message)))
    return Effect.sync(() => client.destroy())
  }).pipe(Effect.timeoutTo({ duration: 2000, onSuccess: (code) => code, onTimeout: () => "ETIMEDOUT" }))
