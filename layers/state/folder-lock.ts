/**
 * The lock that keeps a second daemon out of a state folder.
 *
 * A file `lock` names its holder: process id, the time that process started and
 * the boot it belongs to. A holder that was killed leaves the file behind, and
 * the next daemon takes it over at once, because such a process is not there
 * any more; a process id that was given out again starts at another time.
 *
 * Taking over is where two starters could both win, one deleting the other's
 * fresh lock in the belief that it is the stale one. So the right to replace a
 * stale lock is itself a lock, named for the one it replaces: whoever holds
 * `lock.<nonce of the stale one>` looks again, and may replace `lock` only if
 * it is still the stale one. Nobody else can then: its owner is dead, a link
 * would find the name taken, and the right has one holder. A starter that died
 * with the right in its hand leaves a stale lock of the same kind, and the same
 * rule serves.
 */
import { randomUUID } from "node:crypto"
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync
} from "node:fs"
import { join } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import { StateStoreError } from "../../src/daemon/state-store.ts"
import { codeOf, explain } from "./file-errors.ts"

/** Another daemon works on the folder. */
export class FolderLocked extends Data.TaggedError("FolderLocked")<{
  readonly directory: string
  /** The process id of the daemon that has it. */
  readonly pid: number
}> {
  override get message(): string {
    return `${this.directory} is in use by process ${this.pid}: only one daemon may work on a state folder`
  }
}

/** Holds the lock of an existing folder until the scope ends. Never waits. */
export const lockFolder = (directory: string): Effect.Effect<void, FolderLocked | StateStoreError, Scope.Scope> =>
  Effect.asVoid(Effect.acquireRelease(
    Effect.suspend((): Effect.Effect<Holder, FolderLocked | StateStoreError> => {
      const path = join(directory, lockName)
      try {
        const own = identify()
        const holder = take(path, own)
        if (holder !== undefined) return new FolderLocked({ directory, pid: holder.pid })
        sweep(directory)
        return Effect.succeed(own)
      } catch (cause) {
        return new StateStoreError({ reason: explain(`locking ${directory}`, cause) })
      }
    }),
    (own) =>
      Effect.ignore(Effect.try(() => {
        // Whoever deleted the lock by hand let another daemon in; its lock is not ours to remove.
        const path = join(directory, lockName)
        if (readHolder(path)?.nonce === own.nonce) unlinkSync(path)
      }))
  ))

/** The process id of the daemon that works on the folder now; takes nothing. */
export const holderOf = (directory: string): number | undefined => {
  const holder = readHolder(join(directory, lockName))
  return holder !== undefined && isAlive(holder) ? holder.pid : undefined
}

const lockName = "lock"

interface Holder {
  readonly pid: number
  /** Clock ticks from boot to the start of the process; empty where the system does not tell. */
  readonly started: string
  readonly boot: string
  /** Tells this lock from every other, also from one that the same process takes later. */
  readonly nonce: string
}

/** Takes the lock at `path`, or says which living process has it. */
const take = (path: string, own: Holder): Holder | undefined => {
  for (;;) {
    if (linkNew(path, own)) return undefined
    const found = readHolder(path)
    if (found === undefined) continue
    if (isAlive(found)) return found
    const right = `${path}.${found.nonce}`
    const rival = take(right, own)
    if (rival !== undefined) return rival
    try {
      if (readHolder(path)?.nonce === found.nonce) {
        writeNew(path, own, (fresh) => renameSync(fresh, path))
        return undefined
      }
    } finally {
      unlinkSync(right)
    }
  }
}

/** Makes the lock in one step; false when there is one. */
const linkNew = (path: string, own: Holder): boolean => {
  try {
    writeNew(path, own, (fresh) => linkSync(fresh, path))
    return true
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false
    throw cause
  }
}

/** Writes the holder to a file of its own and hands it on, complete and on the disk. */
const writeNew = (path: string, own: Holder, use: (fresh: string) => void): void => {
  const fresh = `${path}.new-${process.pid}-${randomUUID()}`
  const descriptor = openSync(fresh, "wx", 0o600)
  try {
    try {
      writeSync(descriptor, JSON.stringify(own))
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
    use(fresh)
  } finally {
    ignoreAbsent(() => unlinkSync(fresh))
  }
}

/** Who the lock names; `undefined` when there is none any more. A text that names nobody belongs to no living process. */
const readHolder = (path: string): Holder | undefined =>
  ignoreAbsent(() => {
    const text = readFileSync(path, "utf8")
    try {
      const value: Partial<Holder> = JSON.parse(text)
      const { boot, nonce, pid, started } = value
      if (
        Number.isInteger(pid) && typeof started === "string" && typeof boot === "string" &&
        /^[0-9a-f-]{36}$/.test(nonce ?? "")
      ) {
        return { pid: Number(pid), started, boot, nonce: String(nonce) }
      }
    } catch {
      // Not JSON: named by its inode and time instead.
    }
    const stat = statSync(path, { bigint: true })
    return { pid: 0, started: "", boot: "", nonce: `${stat.ino}-${stat.mtimeNs}` }
  })

const isAlive = (holder: Holder): boolean => {
  if (holder.pid <= 0 || holder.boot !== bootId()) return false
  const started = startOf(holder.pid)
  if (started !== undefined || startOf(process.pid) !== undefined) return started === holder.started
  // No /proc here: a process of that id is all that can be asked for.
  try {
    process.kill(holder.pid, 0)
    return true
  } catch (cause) {
    return codeOf(cause) === "EPERM"
  }
}

const identify = (): Holder => ({
  pid: process.pid,
  started: startOf(process.pid) ?? "",
  boot: bootId(),
  nonce: randomUUID()
})

const bootId = (): string => ignoreAbsent(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? ""

/** When the process started; `undefined` when it is gone, or is a zombie that holds nothing any more. */
const startOf = (pid: number): string | undefined =>
  ignoreAbsent(() => {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8")
    // The second field is the program's name in brackets and may hold anything; the third is the state.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19]
  })

/** What starters that were killed left behind. Safe for whoever holds the lock: no right to replace another one is of use now. */
const sweep = (directory: string): void => {
  for (const name of readdirSync(directory).filter((each) => each.startsWith(`${lockName}.`))) {
    const path = join(directory, name)
    // One that is just being written does not name its holder yet, but in its own name.
    const writer = /\.new-([0-9]+)-/.exec(name)?.[1]
    const holder = writer === undefined ? readHolder(path) : undefined
    const dead = writer === undefined ? holder !== undefined && !isAlive(holder) : startOf(Number(writer)) === undefined
    if (dead) ignoreAbsent(() => unlinkSync(path))
  }
}

/** ESRCH is what /proc answers for a process that ends while it is read. */
const ignoreAbsent = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch (cause) {
    if (codeOf(cause) === "ENOENT" || codeOf(cause) === "ESRCH") return undefined
    throw cause
  }
}
