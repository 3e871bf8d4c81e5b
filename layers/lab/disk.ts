/** Small disks for labs, and folders that hold such. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import { leftovers } from "./leftovers.ts"
import { type ProcessError, run } from "./process.ts"

/** A temporary folder; removed at the end of the scope, with what is mounted in it. Clears up after killed runs. */
export const makeFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.suspend(() =>
    Effect.as(
      // Another run may be clearing the same away.
      Effect.forEach(leftovers(tmpdir(), prefix), (name) => Effect.ignore(remove(join(tmpdir(), name)))),
      mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`))
    )
  ),
  (folder) => Effect.orDie(remove(folder))
)

/** A disk of so many bytes, in memory, as a folder. */
export const mount = (folder: string, bytes: number): Effect.Effect<void, ProcessError> =>
  Effect.zipRight(
    Effect.sync(() => mkdirSync(folder)),
    Effect.asVoid(run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "offloader-lab", folder]))
  )

const prefix = "offloader-lab-"

const remove = (folder: string): Effect.Effect<void, ProcessError> =>
  Effect.suspend(() => {
    const mounted = readFileSync("/proc/self/mounts", "utf8").split("\n")
      .flatMap((line) => line.split(" ")[1] ?? [])
      .filter((path) => path.startsWith(`${folder}/`))
    // What was mounted last may stand on what was mounted before.
    return Effect.forEach(mounted.reverse(), (path) => run("umount", ["--lazy", path]))
  }).pipe(Effect.zipRight(Effect.sync(() => rmSync(folder, { recursive: true, force: true }))))
