/** The folder of the daemon's memory: whether it can be written, has room, and whose it is now. */
import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs"
import { dirname } from "node:path"

import * as Effect from "effect/Effect"

import type { Finding } from "../../src/cli/doctor.ts"
import { failure, ok, warning } from "./finding.ts"

const check = "state folder"

/** Below this much, bytes, memory may soon not be saved. */
const little = 16 * 2 ** 20

/** `holder`: the living process that has the folder's lock. */
export const stateFolder = (directory: string, holder: number | undefined): Effect.Effect<Finding> =>
  Effect.sync(() => {
    const there = existsSync(directory)
    const place = there ? directory : nearest(directory)
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
    if (!there) return ok(check, `${directory} is made at the first start; ${room}`)
    return ok(check, `${directory} can be written, ${room}${holder === undefined ? "" : `, process ${holder} has it`}`)
  })

/** The folder in which it would be made. */
const nearest = (path: string): string => existsSync(path) ? path : nearest(dirname(path))
