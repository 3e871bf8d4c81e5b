/** The lines of an open file from its start, without holding more of it than a block and a line. */
import type { FileHandle } from "node:fs/promises"

/** Bytes read at once. */
const blockSize = 64 * 1024

/** Lines without their ends, some at a time; at the end of the file also one without an end. */
export async function* linesFromStart(handle: FileHandle): AsyncGenerator<ReadonlyArray<string>> {
  const block = Buffer.alloc(blockSize)
  let rest: Array<Buffer> = []
  for (let position = 0;;) {
    const { bytesRead } = await handle.read(block, 0, blockSize, position)
    if (bytesRead === 0) break
    position += bytesRead
    const read = block.subarray(0, bytesRead)
    const end = read.lastIndexOf(0x0a)
    if (end < 0) {
      rest.push(Buffer.from(read))
      continue
    }
    const whole = Buffer.concat([...rest, read.subarray(0, end)]).toString("utf8")
    rest = [Buffer.from(read.subarray(end + 1))]
    yield whole.split("\n")
  }
  const last = Buffer.concat(rest).toString("utf8")
  if (last !== "") yield [last]
}
