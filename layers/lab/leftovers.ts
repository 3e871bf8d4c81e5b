/**
 * What a run leaves behind that was killed before it could clear up. Its things
 * have names that begin with its process id, so that a later run can tell.
 */
import { readdirSync } from "node:fs"

/** The names in this folder that belong to runs whose process is no more: a prefix, then its id, then `-`. */
export const leftovers = (folder: string, prefix: string): ReadonlyArray<string> =>
  namesIn(folder).filter((name) => {
    const [, pid] = name.startsWith(prefix) ? /^(\d+)-/.exec(name.slice(prefix.length)) ?? [] : []
    return pid !== undefined && !isAlive(Number(pid))
  })

const namesIn = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder)
  } catch {
    // It may come with its first entry.
    return []
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"
  }
}
