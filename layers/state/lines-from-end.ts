/** The lines of a file, the last first, without reading more of it than is asked for. */
import { open } from "node:fs/promises"

import { codeOf } from "./file-errors.ts"

/** Bytes read at once. */
const blockSize = 64 * 1024

/** Whole lines without their ends, empty ones left out; none where there is no file. */
export async function* linesFromEnd(path: string): AsyncGenerator<string> {
  const handle = await open(path, "r").catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  })
  if (handle === undefined) return
  try {
    let position = (await handle.stat()).size
    // Parts of the line whose beginning has not been reached, from the end of the file backwards.
    let rest: Array<Buffer> = []
    while (position > 0) {
      const length = Math.min(blockSize, position)
      position -= length
      const block = Buffer.alloc(length)
      await handle.read(block, 0, length, position)
      let end = length
      while (end > 0) {
        const newline = block.lastIndexOf(0x0a, end - 1)
        if (newline < 0) break
        const line = joined(block.subarray(newline + 1, end), rest)
        rest = []
        end = newline
        if (line !== "") yield line
      }
      rest.push(block.subarray(0, end))
    }
    const first = joined(Buffer.alloc(0), rest)
    if (first !== "") yield first
  } finally {
    await handle.close()
  }
}

const joined = (head: Buffer, rest: ReadonlyArray<Buffer>): string =>
  Buffer.concat([head, ...[...rest].reverse()]).toString("utf8")
