/** The folder of the daemon's memory: whether it can be written, has room, and whose it is now. */
import { accessSync, constants, statfsSync, statSync } from "node:fs"
import { dirname } from "node:path"

import * as Effect from "effect/Effect"

import type { Finding } from "../../src/cli/doctor.ts"
import { codeOf, failure, ok, warning } from "./finding.ts"

const check = "state folder"

/** Below this much, bytes, memory may soon not be saved. */
const little = 16 * 2 ** 20

/** `holderOf`: the living process that has the folder's lock; throws where that cannot be read. */
export const stateFolder = (
  directory: string,
  holderOf: (directory: string) => number | undefined
): Effect.Effect<Finding> =>
  Effect.try(() => {
    const place = nearest(directory)
    if (!statSync(place).isDirectory()) return failure(check, `${place} is no folder`, "remove it, or give --state-dir")
    try {
      accessSync(place, constants.W_OK | constants.X_OK)
    } catch {
      return failure(
        check,
        `${place} may not be written by this user, so no intent would be kept`,
        "run as root, give the daemon's user the folder, or mount it writable"
      )
    }
    const { bavail, bsize } = statfsSync(place)
    const free = bavail * bsize
    const room = `${(free / 2 ** 20).toFixed(0)} MiB are free`
    if (free === 0) return failure(check, `the disk of ${place} is full: no intent can be kept`, "make room on it")
    if (free < little) return warning(check, `the disk of ${place} is nearly full: ${room}`, "make room on it")
    if (place !== directory) return ok(check, `${directory} is made at the first start; ${room}`)
    return held(directory, room, holderOf)
  }).pipe(Effect.catchAll(({ error }) =>
    Effect.succeed(
      failure(
        check,
        `${directory} cannot be looked at (${codeOf(error)})`,
        "mend the path, or give another --state-dir"
      )
    )
  ))

const held = (directory: string, room: string, holderOf: (directory: string) => number | undefined): Finding => {
  const written = `${directory} can be written, ${room}`
  try {
    const holder = holderOf(directory)
    return ok(check, holder === undefined ? written : `${written}, process ${holder} has it`)
  } catch (error) {
    return warning(
      check,
      `${written}; whether a daemon has it is not known, since its lock cannot be read (${codeOf(error)})`,
      "run as root, or as the daemon's user"
    )
  }
}

/** The folder in which it would be made; itself where it is there. */
const nearest = (path: string): string => {
  try {
    statSync(path)
    return path
  } catch (error) {
    // One that may not be entered says so itself, when it is asked whether it may be written.
    if (!["ENOENT", "ENOTDIR", "EACCES"].includes(codeOf(error))) throw error
    return nearest(dirname(path))
  }
}
