/** A file of JSON lines that only grows: the audit log's. Rotated by size, read back from its end. */
import type { FileHandle } from "node:fs/promises"
import { open, rename } from "node:fs/promises"
import { dirname } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import { codeOf, explain } from "./file-errors.ts"
import { linesFromEnd } from "./lines-from-end.ts"
import { linesFromStart } from "./lines-from-start.ts"
import { makeFolder } from "./make-folder.ts"

export interface JournalOptions {
  readonly path: string
  /** A file that would become larger is rotated first, bytes. */
  readonly maximumSize: number
  /** Older files kept, as `path.1` (the youngest) to `path.N`; 0 keeps none. */
  readonly keep: number
  /** Whether `append` returns only when the line survives loss of power. */
  readonly durable: boolean
}

/** A line cannot be written or read; `reason` is a sentence for people. */
export class JournalError extends Data.TaggedError("JournalError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

export interface JournalFile {
  /** Appends one value as one line, whole or not at all; as `durable` in the options says. */
  readonly append: (value: unknown) => Effect.Effect<void, JournalError>
  /** The same for several, together whole or not at all. */
  readonly appendAll: (values: ReadonlyArray<unknown>, durable: boolean) => Effect.Effect<void, JournalError>
  /** The last `count` values, oldest first, through older files as well. A line that is no JSON is passed over. */
  readonly last: (count: number) => Effect.Effect<ReadonlyArray<unknown>, JournalError>
  /** All values, oldest first, but for those of older files that were last written before this time, ms since 1970. */
  readonly all: (writtenSince: number) => Stream.Stream<unknown, JournalError>
}

/** Opens the journal, made with mode 0600 where there is none; closed at the end of the scope. */
export const openJournal = (options: JournalOptions): Effect.Effect<JournalFile, JournalError, Scope.Scope> =>
  Effect.gen(function*() {
    const turn = yield* Effect.makeSemaphore(1)
    const journal = yield* Effect.acquireRelease(
      attempt(`opening ${options.path}`, () => Journal.open(options)),
      (opened) => Effect.ignore(Effect.tryPromise(() => opened.close()))
    )
    // A line that has begun is finished, so an interruption never tears one.
    const alone = <A, E>(effect: Effect.Effect<A, E>) => Effect.uninterruptible(turn.withPermits(1)(effect))
    return {
      append: Effect.fn("JournalFile.append")((value: unknown) =>
        alone(attempt(`writing ${options.path}`, () => journal.append([value], options.durable)))
      ),
      appendAll: Effect.fn("JournalFile.appendAll")((values: ReadonlyArray<unknown>, durable: boolean) =>
        values.length === 0
          ? Effect.void
          : alone(attempt(`writing ${options.path}`, () => journal.append(values, durable)))
      ),
      last: Effect.fn("JournalFile.last")((count: number) =>
        alone(attempt(`reading ${options.path}`, () => journal.last(count)))
      ),
      all: (writtenSince) =>
        Stream.unwrapScoped(Effect.map(
          // Opened at once: a rotation meanwhile only gives them other names.
          Effect.acquireRelease(
            alone(attempt(`reading ${options.path}`, () => journal.openAll(writtenSince))),
            (handles) => Effect.promise(() => Promise.allSettled(handles.map((handle) => handle.close())))
          ),
          (handles) =>
            Stream.fromIterable(handles).pipe(
              Stream.flatMap((handle) =>
                Stream.fromAsyncIterable(
                  linesFromStart(handle),
                  (cause) => new JournalError({ reason: explain(`reading ${options.path}`, cause) })
                )
              ),
              Stream.mapConcat((lines) => lines.map(parse).filter((value) => value !== undefined))
            )
        ))
    }
  })

const attempt = <A>(doing: string, action: () => Promise<A>): Effect.Effect<A, JournalError> =>
  Effect.tryPromise({ try: action, catch: (cause) => new JournalError({ reason: explain(doing, cause) }) })

class Journal {
  private readonly options: JournalOptions
  private handle: FileHandle

  private constructor(options: JournalOptions, handle: FileHandle) {
    this.options = options
    this.handle = handle
  }

  static async open(options: JournalOptions): Promise<Journal> {
    await makeFolder(dirname(options.path))
    return new Journal(options, await openForAppend(options.path))
  }

  close(): Promise<void> {
    return this.handle.close()
  }

  async append(values: ReadonlyArray<unknown>, durable: boolean): Promise<void> {
    const lines = Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(""))
    if (lines.length > this.options.maximumSize) {
      throw new Error(`what has ${lines.length} bytes does not fit into a file of ${this.options.maximumSize}`)
    }
    let stat = await this.handle.stat()
    if (stat.nlink === 0 || (stat.size > 0 && stat.size + lines.length > this.options.maximumSize)) {
      await this.turnOver(stat.nlink > 0)
      stat = await this.handle.stat()
    }
    try {
      for (let written = 0; written < lines.length;) {
        written += (await this.handle.write(lines, written, lines.length - written)).bytesWritten
      }
      if (durable) await this.handle.datasync()
    } catch (cause) {
      // The disk filled up on the way: without what was written of it the file stays one of whole lines.
      await this.handle.truncate(stat.size).catch(() => {})
      throw cause
    }
  }

  async last(count: number): Promise<ReadonlyArray<unknown>> {
    const values: Array<unknown> = []
    for (let age = 0; age <= this.options.keep && values.length < count; age += 1) {
      for await (const line of linesFromEnd(nameOf(this.options.path, age))) {
        if (values.length >= count) break
        const value = parse(line)
        if (value !== undefined) values.push(value)
      }
    }
    return values.reverse()
  }

  /** The files, oldest first, without older ones that were not written since. */
  async openAll(writtenSince: number): Promise<ReadonlyArray<FileHandle>> {
    const handles: Array<FileHandle> = []
    try {
      for (let age = this.options.keep; age >= 0; age -= 1) {
        const handle = await openIfThere(nameOf(this.options.path, age))
        if (handle === undefined) continue
        handles.push(handle)
        if ((await handle.stat()).mtimeMs < writtenSince) await handles.pop()?.close()
      }
      return handles
    } catch (cause) {
      await Promise.allSettled(handles.map((handle) => handle.close()))
      throw cause
    }
  }

  /** A new file under the name; the old one is kept unless somebody deleted it. Opened first: nothing moves when that fails. */
  private async turnOver(keepOld: boolean): Promise<void> {
    const { keep, path } = this.options
    const next = await openForAppend(`${path}.new`)
    try {
      if (keepOld) {
        for (let age = keep; age >= 1; age -= 1) await renameIfThere(nameOf(path, age - 1), nameOf(path, age))
      }
      await rename(`${path}.new`, path)
    } catch (cause) {
      await next.close()
      throw cause
    }
    const previous = this.handle
    this.handle = next
    await previous.close()
  }
}

const nameOf = (path: string, age: number): string => age === 0 ? path : `${path}.${age}`

const openForAppend = async (path: string): Promise<FileHandle> => {
  const handle = await open(path, "a+", 0o600)
  try {
    // A daemon that was killed within a line left it without an end; ours must not be glued to it.
    const { size } = await handle.stat()
    if (size > 0) {
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
      if (buffer[0] !== 0x0a) await handle.write("\n")
    }
    return handle
  } catch (cause) {
    await handle.close()
    throw cause
  }
}

const openIfThere = async (path: string): Promise<FileHandle | undefined> => {
  try {
    return await open(path, "r")
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined
    throw cause
  }
}

const renameIfThere = async (from: string, to: string): Promise<void> => {
  try {
    await rename(from, to)
  } catch (cause) {
    if (codeOf(cause) !== "ENOENT") throw cause
  }
}

const parse = (line: string): unknown => {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
