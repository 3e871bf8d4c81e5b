/** A container engine of one's own: podman with its store in a folder, serving the Docker-compatible API. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

import { ProcessError, run as runCommand, start, systemPath } from "./process.ts"

export interface Podman {
  readonly socket: string
  /** Runs podman on the same store and returns what it printed to stdout. */
  readonly run: (...args: ReadonlyArray<string>) => Effect.Effect<string, ProcessError>
}

/** Why podman cannot serve here, or undefined where it can. */
export const whyNoPodman = (): string | undefined => {
  if (process.platform !== "linux") return "podman runs on Linux"
  if (process.getuid?.() !== 0) return "podman with a store of its own needs root here"
  for (const [command, install] of [["podman", "podman"], ["runc", "runc"], ["busybox", "busybox-static"]] as const) {
    if (spawnSync(command, ["--help"], { stdio: "ignore" }).error !== undefined) {
      return `${command} is not installed (Debian: apt-get install ${install})`
    }
  }
  return undefined
}

/**
 * Serves until the scope closes; then every container of the store is removed by
 * force. Containers on the host's network are in the namespace that it serves in.
 */
export const startPodman = (
  folder: string,
  options: { readonly namespace?: string } = {}
): Effect.Effect<Podman, ProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const home = join(folder, "podman")
    mkdirSync(home)
    const configuration = join(home, "containers.conf")
    // Raising limits may be refused, and crun needs cgroups v2: what works everywhere is asked for.
    writeFileSync(
      configuration,
      "[containers]\ndefault_ulimits = [\"nofile=4096:4096\",\"nproc=4096:4096\"]\n[engine]\nruntime = \"runc\"\n"
        + "cgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n"
    )
    const env = {
      PATH: systemPath,
      HOME: home,
      CONTAINERS_CONF: configuration,
      XDG_RUNTIME_DIR: home
    }
    const store = [
      "--root",
      join(home, "root"),
      "--runroot",
      join(home, "run"),
      "--storage-driver",
      "vfs",
      "--tmpdir",
      join(home, "tmp")
    ]
    const run = (...args: ReadonlyArray<string>) => runCommand("podman", [...store, ...args], { env })
    const socket = join(home, "podman.sock")
    yield* Effect.addFinalizer(() =>
      Effect.gen(function*() {
        yield* Effect.ignore(run("rm", "--all", "--force", "--time", "0"))
        // The store's layers are mounts of its own; podman unmounts them.
        yield* Effect.ignore(run("umount", "--all", "--force"))
        // What watched the containers tidies up after them, by processes of its own, and writes to the store meanwhile.
        yield* Effect.sync(() => isUsed(home)).pipe(
          Effect.repeat({ schedule: Schedule.spaced("50 millis"), while: (used) => used }),
          Effect.timeoutOption("20 seconds")
        )
      })
    )
    yield* start("podman", [...store, "system", "service", "-t", "0", `unix://${socket}`], { env, ...options })
    yield* Effect.sync(() => existsSync(socket)).pipe(
      Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (exists) => exists }),
      Effect.timeoutFail({
        duration: "20 seconds",
        onTimeout: () => new ProcessError({ message: "podman does not serve" })
      })
    )
    return { socket, run }
  })

/** Whether a process is there that was told of this folder. */
const isUsed = (folder: string): boolean =>
  readdirSync("/proc").some((pid) => {
    try {
      return /^[0-9]+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder)
    } catch {
      // It ended meanwhile.
      return false
    }
  })
