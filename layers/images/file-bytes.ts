/** An archive's bytes on their way to the NPU: one buffer, and no silence about a file that changes. */
import type { FileHandle } from "node:fs/promises"

import * as Effect from "effect/Effect"

import { type ByteReader, type ByteSource, ByteSourceError } from "../../src/npu/wire.ts"
import { currentStampPromise, explain, openRegularFile, type RegularFile } from "./regular-file.ts"

/** Room before the bytes for the headers of any message. */
const headroom = 16

/** Bytes between two looks at whether the file is still the same. */
const lookEvery = 32 * 1024 * 1024

/** The bytes of the file at `path`, as long as it is the one that bore this stamp; `name` is for messages. */
export const fileBytes = (path: string, size: number, stamp: string, name = path): ByteSource => ({
  size,
  open: openRegularFile(path).pipe(
    Effect.mapError((error) => new ByteSourceError({ reason: `${name}: ${error.reason}` })),
    Effect.filterOrFail(
      (file) => file.stamp === stamp,
      () => new ByteSourceError({ reason: `${name}: it is not the file any more whose manifest was read` })
    ),
    Effect.map((file) => reader(name, file))
  )
})

const reader = (path: string, file: RegularFile): ByteReader => {
  let buffer = Buffer.alloc(0)
  let position = 0
  let nextLook = lookEvery
  return {
    headroom,
    read: async (maximum) => {
      const wanted = Math.min(maximum, file.size - position)
      if (wanted === 0) return undefined
      if (buffer.length < headroom + wanted) buffer = Buffer.allocUnsafeSlow(headroom + wanted)
      const bytesRead = await readAt(path, file.handle, buffer, wanted, position)
      position += bytesRead
      if (bytesRead === 0) throw new ByteSourceError({ reason: `${path}: it became shorter during the transfer` })
      if (position === file.size || position >= nextLook) {
        nextLook = position + lookEvery
        if ((await currentStampPromise(file.handle)) !== file.stamp) {
          throw new ByteSourceError({ reason: `${path}: it changed during the transfer` })
        }
      }
      return buffer.subarray(headroom, headroom + bytesRead)
    }
  }
}

const readAt = async (
  path: string,
  handle: FileHandle,
  buffer: Buffer,
  length: number,
  position: number
): Promise<number> => {
  try {
    return (await handle.read(buffer, headroom, length, position)).bytesRead
  } catch (cause) {
    throw new ByteSourceError({ reason: `${path}: ${explain(cause)}` })
  }
}
