/**
 * One pass over an archive, from its first byte to its last: which members it
 * has, the digest of each, and the text of the small JSON ones. Layers stream
 * through, so the memory used does not depend on the size of the archive.
 */
import { createHash } from "node:crypto"
import type { FileHandle } from "node:fs/promises"
import { Readable } from "node:stream"
import { createGunzip } from "node:zlib"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { extract, type Header } from "tar-stream"

import { Garbage } from "./garbage.ts"
import { explain } from "./regular-file.ts"

export interface Member {
  /** Bytes. */
  readonly size: number
  /** SHA-256 of the content, hexadecimal. */
  readonly sha256: string
  /** Whether the content is itself compressed, by its first bytes. */
  readonly compressed: boolean
  /** The content, where it looks like JSON and is no larger than `largestText`. */
  readonly text?: string
}

export interface Scan {
  readonly members: ReadonlyMap<string, Member>
  /** Name of a symbolic or hard link → the member it points to. */
  readonly links: ReadonlyMap<string, string>
  /** Whether the archive ends with the empty block that a tar is closed with. */
  readonly closed: boolean
}

/** The archive cannot be read to its end; `reason` is a sentence for people. */
export class ScanError extends Data.TaggedError("ScanError")<{ readonly reason: string; readonly lasting: boolean }> {
  override get message(): string {
    return this.reason
  }
}

/** The largest manifest or config that is read, bytes; real ones have some kilobytes. */
export const largestText = 1024 * 1024
/** All texts kept of one archive, bytes. */
const largestTexts = 8 * 1024 * 1024
/** An image has at most 127 layers of three members each; a tar of a whole file system has more. */
const mostMembers = 10_000
/** Bytes read at once. */
const readSize = 256 * 1024

/** Reads the first `size` bytes of the file. Interruption stops the reading. */
export const scan = (handle: FileHandle, size: number): Effect.Effect<Scan, ScanError> =>
  Effect.flatMap(
    Effect.tryPromise({
      try: async () => {
        const head = Buffer.alloc(8)
        const { bytesRead } = await handle.read(head, 0, head.length, 0)
        return compressionOf(head.subarray(0, bytesRead))
      },
      catch: (cause) => new ScanError({ reason: explain(cause), lasting: false })
    }),
    (compression) =>
      compression === undefined || compression === "gzip"
        ? scanTar(handle, size, compression === "gzip")
        : new ScanError({
          reason: `it is compressed with ${compression}; only plain and gzip archives are taken`,
          lasting: true
        })
  )

const scanTar = (handle: FileHandle, size: number, gzip: boolean): Effect.Effect<Scan, ScanError> =>
  Effect.async((resume) => {
    const collected = new Collected()
    const file = Readable.from(readChunks(handle, size), { objectMode: false, highWaterMark: readSize })
    const gunzip = gzip ? createGunzip({ chunkSize: readSize }) : undefined
    const tar = extract()
    const stop = (): void => {
      file.destroy()
      gunzip?.destroy()
      tar.destroy()
    }
    const fail = (error: ScanError): void => {
      stop()
      resume(Effect.fail(error))
    }

    file.on("error", (cause) => fail(new ScanError({ reason: explain(cause), lasting: false })))
    gunzip?.on("error", (cause) => fail(gzipError(cause)))
    tar.on("error", (cause: unknown) => fail(tarError(cause, collected)))
    tar.on("finish", () => resume(Effect.succeed(collected.result())))
    tar.on("entry", (header, content, next) => {
      const refusal = collected.begin(header)
      if (refusal !== undefined) return next(refusal)
      content.on("data", (chunk) => collected.add(chunk as Buffer))
      content.on("end", () => {
        collected.end()
        next()
      })
      // An error of the content is an error of the tar, which is heard above.
      content.on("error", () => {})
    })

    const plain = gunzip === undefined ? file : file.pipe(gunzip)
    plain.on("data", (chunk: Buffer) => collected.passed(chunk))
    plain.pipe(tar)
    return Effect.sync(stop)
  })

/** Not `createReadStream`: destroying that closes the handle, which belongs to the caller. */
async function* readChunks(handle: FileHandle, size: number): AsyncGenerator<Buffer> {
  const garbage = new Garbage()
  for (let position = 0; position < size;) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(readSize, size - position))
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position)
    if (bytesRead === 0) return
    position += bytesRead
    garbage.passed(bytesRead)
    yield buffer.subarray(0, bytesRead)
  }
}

/** What has been learnt so far; one member at a time is open. */
class Collected {
  private readonly members = new Map<string, Member>()
  private readonly links = new Map<string, string>()
  private texts = 0
  private seen = 0
  private lastBlock: Buffer = Buffer.alloc(0)
  private current: { name: string; size: number; head: Buffer; chunks: Array<Buffer> | undefined } | undefined
  private hash = createHash("sha256")

  get any(): boolean {
    return this.seen > 0
  }

  begin(header: Header): ScanError | undefined {
    this.seen += 1
    if (this.seen > mostMembers) {
      return new ScanError({
        reason: `it is not an image archive: it has more than ${mostMembers} members`,
        lasting: true
      })
    }
    const name = memberName(header.name)
    this.current = undefined
    if (header.type === "symlink" && typeof header.linkname === "string") {
      this.links.set(name, memberName(`${folderOf(name)}${header.linkname}`))
    } else if (header.type === "link" && typeof header.linkname === "string") {
      this.links.set(name, memberName(header.linkname))
    } else if (header.type === "file" || header.type === "contiguous-file") {
      const size = header.size
      const wanted = mayBeText(name) && size <= largestText && this.texts + size <= largestTexts
      this.current = { name, size, head: Buffer.alloc(0), chunks: wanted ? [] : undefined }
      this.hash = createHash("sha256")
    }
    return undefined
  }

  add(chunk: Buffer): void {
    const current = this.current
    if (current === undefined) return
    this.hash.update(chunk)
    if (current.head.length < 8) {
      current.head = Buffer.concat([current.head, chunk.subarray(0, 8)])
      if (!/^\s*[{[]/.test(current.head.toString("latin1"))) current.chunks = undefined
    }
    current.chunks?.push(chunk)
  }

  end(): void {
    const current = this.current
    if (current === undefined) return
    const text = current.chunks === undefined ? undefined : Buffer.concat(current.chunks).toString("utf8")
    if (text !== undefined) this.texts += current.size
    this.members.set(current.name, {
      size: current.size,
      sha256: this.hash.digest("hex"),
      compressed: compressionOf(current.head) !== undefined,
      ...(text === undefined ? {} : { text })
    })
    this.current = undefined
  }

  passed(chunk: Buffer): void {
    this.lastBlock = chunk.length >= 512
      ? chunk.subarray(-512)
      : Buffer.concat([this.lastBlock, chunk]).subarray(-512)
  }

  result(): Scan {
    return {
      members: this.members,
      links: this.links,
      closed: this.lastBlock.length === 512 && this.lastBlock.every((byte) => byte === 0)
    }
  }
}

/** `./a/../b` → `b`: names are compared as they come to lie when unpacked. */
const memberName = (name: string): string => {
  const parts: Array<string> = []
  for (const part of name.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return parts.join("/")
}

const folderOf = (name: string): string => name.slice(0, name.lastIndexOf("/") + 1)

const mayBeText = (name: string): boolean => /^(?:[^/]+\.json|blobs\/sha256\/[^/]+)$/.test(name)

const compressionOf = (head: Buffer): string | undefined =>
  magics.find(({ magic }) => head.subarray(0, magic.length).equals(magic))?.name

const magics = [
  { name: "gzip", magic: Buffer.from([0x1f, 0x8b]) },
  { name: "zstd", magic: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]) },
  { name: "xz", magic: Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]) },
  { name: "bzip2", magic: Buffer.from("BZh") }
]

const gzipError = (cause: unknown): ScanError =>
  new ScanError({
    reason: cause instanceof Error && "code" in cause && cause.code === "Z_BUF_ERROR"
      ? "it is cut short: its gzip stream ends in the middle"
      : `its gzip stream is broken: ${cause instanceof Error ? cause.message : String(cause)}`,
    lasting: true
  })

const tarError = (cause: unknown, collected: Collected): ScanError => {
  if (cause instanceof ScanError) return cause
  if (!collected.any) return new ScanError({ reason: "it is not a tar archive", lasting: true })
  const message = cause instanceof Error ? cause.message : String(cause)
  return new ScanError({
    reason: message === "Unexpected end of data"
      ? "it is cut short: the tar ends in the middle of a member"
      : `it is damaged: after its first members it no longer reads as a tar (${message})`,
    lasting: true
  })
}
