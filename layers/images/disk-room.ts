/** Writing large files to a disk that must not fill up: memory and audit are on it too. */
import { type FileHandle, statfs } from "node:fs/promises"

export interface DiskRoom {
  readonly directory: string
  /** What stays free on the disk whatever is written, bytes. */
  readonly keepFree: number
}

/** It does not fit, or is not to be written; `message` needs no further words. */
export class Refusal extends Error {}

/** Bytes between two looks at how much is free. */
const lookEvery = 32 * 1024 * 1024

export const makeSure = async ({ directory, keepFree }: DiskRoom, wanted: number): Promise<void> => {
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  if (free < wanted + keepFree) {
    throw new Refusal(
      `it needs ${wanted} bytes of room in ${directory} and ${keepFree} are to stay free; there are ${free}`
    )
  }
}

/** Writes all pieces, as long as there is room; `take` is shown each before, with the bytes up to its end. Yields all bytes. */
export const pour = async (
  handle: FileHandle,
  room: DiskRoom,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  take: (piece: Uint8Array, size: number) => void
): Promise<number> => {
  let size = 0
  let nextLook = lookEvery
  for await (const piece of pieces) {
    signal.throwIfAborted()
    take(piece, size + piece.length)
    for (let written = 0; written < piece.length;) {
      written += (await handle.write(piece, written, piece.length - written)).bytesWritten
    }
    size += piece.length
    if (size >= nextLook) {
      nextLook = size + lookEvery
      await makeSure(room, 0)
    }
  }
  return size
}

/** What a failed write means, where it means that; otherwise undefined. */
export const knownFailure = (cause: unknown): string | undefined => {
  if (cause instanceof Refusal) return cause.message
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined
  return code === "ENOSPC" || code === "EDQUOT" ? "the disk is full" : undefined
}
