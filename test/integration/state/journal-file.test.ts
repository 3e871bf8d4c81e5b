import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"

import { type JournalOptions, openJournal } from "../../../layers/state/journal-file.ts"
import { linesFromEnd } from "../../../layers/state/lines-from-end.ts"
import { skip } from "../../needs.ts"
import { noMount, smallDisk, temporaryFolder } from "./support.ts"

const journalIn = (folder: string, options: Partial<JournalOptions> = {}) =>
  openJournal({ path: join(folder, "audit.log"), maximumSize: 1_000_000, keep: 2, durable: false, ...options })

describe("the journal", () => {
  it.scoped("gives back the last values, oldest first, also to a later daemon", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* Effect.scoped(Effect.gen(function*() {
        const journal = yield* journalIn(join(folder, "deep"), { durable: true })
        assert.deepStrictEqual(yield* journal.last(5), [])
        yield* Effect.forEach([1, { two: "\n" }, "three"], journal.append)
        assert.deepStrictEqual(yield* journal.last(2), [{ two: "\n" }, "three"])
        assert.deepStrictEqual(yield* journal.last(0), [])
      }))
      const again = yield* journalIn(join(folder, "deep"))
      yield* again.append(4)
      assert.deepStrictEqual(yield* again.last(100), [1, { two: "\n" }, "three", 4])
      assert.strictEqual(statSync(join(folder, "deep", "audit.log")).mode & 0o777, 0o600)
    }))

  it.scoped("is rotated by size, keeps so many files, and is read through them", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const journal = yield* journalIn(folder, { maximumSize: 100 })
      const values = Array.from({ length: 40 }, (_, index) => ({ index, text: "0123456789" }))
      yield* Effect.forEach(values, journal.append)
      assert.deepStrictEqual(readdirSync(folder).sort(), ["audit.log", "audit.log.1", "audit.log.2"])
      for (const name of readdirSync(folder)) assert.isAtMost(statSync(join(folder, name)).size, 100)
      const last = yield* journal.last(40)
      assert.isAtLeast(last.length, 5)
      assert.deepStrictEqual(last, values.slice(-last.length))
    }))

  it.scoped("keeps no older file with keep 0", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const journal = yield* journalIn(folder, { maximumSize: 10, keep: 0 })
      yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7], journal.append)
      assert.deepStrictEqual(readdirSync(folder), ["audit.log"])
      assert.deepStrictEqual(yield* journal.last(10), [6, 7])
    }))

  it.scoped("writes whole lines, whoever writes at once", () =>
    Effect.gen(function*() {
      const journal = yield* journalIn(yield* temporaryFolder)
      const values = Array.from({ length: 200 }, (_, index) => index)
      yield* Effect.forEach(values, journal.append, { concurrency: "unbounded" })
      assert.deepStrictEqual([...yield* journal.last(200)].sort((left, right) => Number(left) - Number(right)), values)
    }))

  it.scoped("sets a torn line apart and passes over it", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "audit.log"), "1\n{\"torn\":")
      const journal = yield* journalIn(folder)
      yield* journal.append(2)
      assert.deepStrictEqual(yield* journal.last(10), [1, 2])
      assert.strictEqual(readFileSync(join(folder, "audit.log"), "utf8"), "1\n{\"torn\":\n2\n")
    }))

  it.scoped("begins a new file when somebody deletes it, and goes on when it is cut to nothing", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const path = join(folder, "audit.log")
      const journal = yield* journalIn(folder)
      yield* journal.append(1)
      rmSync(path)
      yield* journal.append(2)
      assert.strictEqual(readFileSync(path, "utf8"), "2\n")
      truncateSync(path)
      yield* journal.append(3)
      assert.strictEqual(readFileSync(path, "utf8"), "3\n")
    }))

  it.scoped("refuses a line that no file can hold", () =>
    Effect.gen(function*() {
      const journal = yield* journalIn(yield* temporaryFolder, { maximumSize: 20 })
      const error = yield* Effect.flip(journal.append("x".repeat(30)))
      assert.match(error.message, /writing .* failed: what has 33 bytes does not fit into a file of 20/)
    }))

  it.scoped("loses nothing when a rotation fails", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const journal = yield* journalIn(folder, { maximumSize: 10 })
      yield* journal.append(12345678)
      mkdirSync(join(folder, "audit.log.new"))
      assert.match((yield* Effect.flip(journal.append(2))).message, /it is a folder/)
      rmSync(join(folder, "audit.log.new"), { recursive: true })
      yield* journal.append(2)
      assert.deepStrictEqual(yield* journal.last(10), [12345678, 2])
    }))

  it.scoped("says why it cannot be opened", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      mkdirSync(join(folder, "audit.log"))
      assert.match((yield* Effect.flip(journalIn(folder))).message, /opening .*audit\.log failed: it is a folder/)
    }))

  it.scoped("leaves whole lines on a full disk", (context) =>
    Effect.gen(function*() {
      if (noMount !== undefined) return skip(context, noMount)
      const folder = yield* smallDisk("size=16k")
      const journal = yield* journalIn(folder)
      yield* journal.append("first")
      assert.match((yield* Effect.flip(journal.append("x".repeat(30_000)))).message, /the disk is full/)
      assert.strictEqual(readFileSync(join(folder, "audit.log"), "utf8"), "\"first\"\n")
      yield* journal.append("second")
      assert.deepStrictEqual(yield* journal.last(2), ["first", "second"])
    }))
})

describe("lines from the end", () => {
  const read = async (path: string) => {
    const lines: Array<string> = []
    for await (const line of linesFromEnd(path)) lines.push(line)
    return lines
  }

  it.scoped("are the lines, the last first, of any file", () =>
    Effect.gen(function*() {
      const path = join(yield* temporaryFolder, "file")
      const line = fc.oneof(
        fc.string(),
        fc.fullUnicodeString(),
        fc.integer({ min: 1, max: 70_000 }).map((n) => "é".repeat(n))
      )
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.array(line, { maxLength: 12 }), fc.boolean(), async (lines, ended) => {
            const clean = lines.map((each) => each.replaceAll("\n", ""))
            writeFileSync(path, clean.join("\n") + (ended ? "\n" : ""))
            assert.deepStrictEqual(await read(path), clean.filter((each) => each !== "").reverse())
          }),
          { numRuns: 50 }
        )
      )
    }))

  it.scoped("of no file are none; of a large one only the end is read", () =>
    Effect.gen(function*() {
      const path = join(yield* temporaryFolder, "file")
      assert.deepStrictEqual(yield* Effect.promise(() => read(path)), [])
      // A hole of 1 TiB: reading all of it would never end.
      writeFileSync(path, "")
      truncateSync(path, 2 ** 40)
      appendFileSync(path, "\nlast\n")
      assert.isTrue(existsSync(path))
      const first = yield* Effect.promise(() => linesFromEnd(path).next())
      assert.strictEqual(first.value, "last")
    }))
})
