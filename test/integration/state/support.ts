/** Folders, small disks and other processes for the tests of the state layer. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"

import * as Effect from "effect/Effect"

export const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "offloader-state-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

const mount = (folder: string, options: string) =>
  spawnSync("mount", ["-t", "tmpfs", "-o", options, "none", folder]).status === 0

/** Why the tests of full and read-only disks cannot run here; undefined where they can. */
export const noMount = ((): string | undefined => {
  const folder = spawnSync("mktemp", ["-d"]).stdout.toString().trim()
  const works = mount(folder, "size=4k")
  if (works) spawnSync("umount", [folder])
  spawnSync("rmdir", [folder])
  return works ? undefined : "mounting a tmpfs needs root"
})()

/** A folder on a disk of its own, with these options of tmpfs. */
export const smallDisk = (options: string) =>
  Effect.flatMap(temporaryFolder, (folder) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        if (!mount(folder, options)) throw new Error(`tmpfs ${options} cannot be mounted`)
        return folder
      }),
      () => Effect.sync(() => spawnSync("umount", ["-l", folder]))
    ))

/** A process that does as `starter.ts` says; `ask` writes a command and gives the next line of its answer. */
export const starter = (directory: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, ["--import", "tsx", join(import.meta.dirname, "starter.ts"), directory], {
        stdio: ["pipe", "pipe", "inherit"]
      })
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
      const line = async (): Promise<string> => String((await lines.next()).value)
      await line()
      return {
        child,
        line: Effect.promise(line),
        ask: (command: string) =>
          Effect.promise(() => {
            child.stdin.write(`${command}\n`)
            return line()
          })
      }
    }),
    ({ child }) => kill(child, "SIGKILL")
  )

/** Ends the process, and returns when it is gone. */
export const kill = (child: ChildProcess, signal: NodeJS.Signals) =>
  Effect.promise(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, "exit")
    child.kill(signal)
    await gone
  })
