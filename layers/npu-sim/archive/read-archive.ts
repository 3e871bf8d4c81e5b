/**
 * Reads an image archive as it streams by: a tar, gzip-compressed or not. Only
 * small JSON members are kept; layers pass through unread, however large.
 */
import { createGunzip } from "node:zlib"

import * as Either from "effect/Either"
import { extract } from "tar-stream"

import type { ArchiveDescription } from "../engine/core.ts"
import { describe, isKept, type Members } from "./describe-archive.ts"

/** JSON members kept of one archive, bytes in all; what is beyond is not looked at. */
const keptBytes = 32 * 2 ** 20

export interface ArchiveReader {
  /**
   * Takes the bytes, which must not change afterwards; a promise says when to
   * go on. Bytes after the first fault are ignored: `end` tells of it.
   */
  readonly write: (chunk: Uint8Array) => Promise<void> | undefined
  /** Left is what is wrong with the archive. */
  readonly end: () => Promise<Either.Either<ArchiveDescription, string>>
  /** Gives up; holds nothing afterwards. */
  readonly destroy: () => void
}

/** What a gunzip and tar-stream's extract have in common. */
interface Sink {
  write(chunk: Uint8Array): boolean
  end(): unknown
  destroy(): unknown
  on(event: "drain" | "close", listener: () => void): unknown
  off(event: "drain" | "close", listener: () => void): unknown
}

export const makeReader = (): ArchiveReader => {
  const members: Members = { seen: new Set(), kept: new Map(), bytes: 0 }
  const tar = extract()
  // streamx and node name the same things; their types do not.
  const unpacking = tar as unknown as Sink
  let head: Uint8Array = new Uint8Array(0)
  let input: Sink | undefined
  let fault: string | undefined
  const settled = new Promise<void>((resolve) => {
    tar.on("finish", () => resolve())
    tar.on("close", () => resolve())
  })

  const fail = (error: Error): void => {
    fault ??= error.message
    tar.destroy()
    input?.destroy()
  }

  tar.on("error", fail)
  tar.on("entry", (header, body, next) => {
    const name = header.name.replace(/^(?:\.?\/)+/, "")
    const size = header.size ?? 0
    members.seen.add(name)
    members.bytes += 512 + Math.ceil(size / 512) * 512
    const chunks: Array<Buffer> | undefined = isKept(name, size) && kept(members) + size <= keptBytes ? [] : undefined
    body.on("data", (chunk) => chunks?.push(chunk as Buffer))
    body.on("error", fail)
    body.on("end", () => {
      if (chunks !== undefined) members.kept.set(name, Buffer.concat(chunks))
      next()
    })
  })

  /** Two bytes tell gzip from tar. */
  const begin = (first: Uint8Array): Sink => {
    if (first[0] !== 0x1f || first[1] !== 0x8b) return unpacking
    const unzip = createGunzip()
    unzip.on("error", fail)
    unzip.on("data", (bytes: Buffer) => {
      if (!unpacking.write(bytes)) unzip.pause()
    })
    unpacking.on("drain", () => unzip.resume())
    unzip.on("end", () => unpacking.end())
    return unzip
  }

  const write = (chunk: Uint8Array): Promise<void> | undefined => {
    if (fault !== undefined || chunk.length === 0) return undefined
    let bytes = chunk
    if (input === undefined) {
      bytes = head.length === 0 ? chunk : Buffer.concat([head, chunk])
      if (bytes.length < 2) {
        head = bytes
        return undefined
      }
      input = begin(bytes)
    }
    const sink = input
    if (sink.write(bytes)) return undefined
    return new Promise((resolve) => {
      const go = (): void => {
        sink.off("drain", go)
        sink.off("close", go)
        resolve()
      }
      sink.on("drain", go)
      sink.on("close", go)
    })
  }

  const end = async (): Promise<Either.Either<ArchiveDescription, string>> => {
    if (input === undefined) return Either.left("unexpected EOF")
    if (fault === undefined) {
      input.end()
      await settled
    }
    return fault === undefined ? describe(members) : Either.left(fault)
  }

  return { write, end, destroy: () => fail(new Error("broken off")) }
}

const kept = (members: Members): number => {
  let sum = 0
  for (const bytes of members.kept.values()) sum += bytes.length
  return sum
}
