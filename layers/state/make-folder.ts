/** Making a folder with those above it. */
import { mkdir } from "node:fs/promises"
import { dirname } from "node:path"

import { codeOf } from "./file-errors.ts"

/**
 * Makes the folder, mode 0700, where there is none; returns whether it did.
 *
 * Node's own recursive mkdir never returns below a file system that answers
 * ENOENT for everything, such as /proc: here each folder is tried twice at most.
 */
export const makeFolder = async (path: string): Promise<boolean> => {
  try {
    return await make(path)
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT" || dirname(path) === path) throw cause
    await makeFolder(dirname(path))
    return make(path)
  }
}

const make = async (path: string): Promise<boolean> => {
  try {
    await mkdir(path, { mode: 0o700 })
    return true
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause
    // A file of that name shows as ENOTDIR at the first use.
    return false
  }
}
