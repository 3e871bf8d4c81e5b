import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

import { lockFolder } from "../../../layers/state/folder-lock.ts"
import { kill, starter, temporaryFolder } from "./support.ts"

const nonce = "01234567-89ab-cdef-0123-456789abcdef"
const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
const ownStart = readFileSync("/proc/self/stat", "utf8").split(") ")[1]!.split(" ")[19]!

const stale: ReadonlyArray<readonly [what: string, text: string]> = [
  ["a process that is gone", JSON.stringify({ pid: 2 ** 22 + 1, started: "1", boot: bootId, nonce })],
  ["a process id given out again", JSON.stringify({ pid: process.pid, started: "1", boot: bootId, nonce })],
  ["an earlier boot", JSON.stringify({ pid: process.pid, started: ownStart, boot: nonce, nonce })],
  ["nobody: no text, as after a loss of power", ""],
  ["nobody: another text", "{\"pid\":\"x\"}"],
  ["nobody: null", "null"],
  ["no nonce", JSON.stringify({ pid: process.pid, started: ownStart, boot: bootId, nonce: "../../etc" })]
]

describe("the lock of a state folder", () => {
  it.scoped("keeps a second one out until the first is released", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const first = yield* Scope.make()
      yield* Scope.extend(lockFolder(folder), first)
      const error = yield* Effect.flip(Effect.scoped(lockFolder(folder)))
      assert.strictEqual(
        error.message,
        `${folder} is in use by process ${process.pid}: only one daemon may work on a state folder`
      )
      yield* Scope.close(first, Exit.void)
      yield* Effect.scoped(lockFolder(folder))
      assert.deepStrictEqual(readdirSync(folder), [])
    }))

  for (const [what, text] of stale) {
    it.scoped(`is taken over at once from ${what}`, () =>
      Effect.gen(function*() {
        const folder = yield* temporaryFolder
        writeFileSync(join(folder, "lock"), text)
        yield* lockFolder(folder)
        assert.deepStrictEqual(readdirSync(folder), ["lock"])
        assert.strictEqual(JSON.parse(readFileSync(join(folder, "lock"), "utf8")).pid, process.pid)
      }))
  }

  it.scoped("is taken over although an earlier taker died half-way, and what they left is tidied up", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const gone = { pid: 2 ** 22 + 1, started: "1", boot: bootId }
      const second = nonce.replace("0", "f")
      writeFileSync(join(folder, "lock"), JSON.stringify({ ...gone, nonce }))
      writeFileSync(join(folder, `lock.${nonce}`), JSON.stringify({ ...gone, nonce: second }))
      writeFileSync(join(folder, `lock.${nonce}.${second}`), "")
      writeFileSync(join(folder, `lock.new-${2 ** 22 + 1}-${nonce}`), "")
      yield* lockFolder(folder)
      assert.deepStrictEqual(readdirSync(folder), ["lock"])
    }))

  it.scoped("is not taken while a living process takes it over", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "lock"), "")
      const stat = statSync(join(folder, "lock"), { bigint: true })
      const right = join(folder, `lock.${stat.ino}-${stat.mtimeNs}`)
      writeFileSync(right, JSON.stringify({ pid: process.pid, started: ownStart, boot: bootId, nonce }))
      const error = yield* Effect.flip(Effect.scoped(lockFolder(folder)))
      assert.strictEqual(error._tag, "FolderLocked")
    }))

  it.scoped("leaves the lock of another, where somebody deleted ours", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const other = JSON.stringify({ pid: 1, started: "1", boot: bootId, nonce })
      yield* Effect.scoped(Effect.zipRight(
        lockFolder(folder),
        Effect.sync(() => writeFileSync(join(folder, "lock"), other))
      ))
      assert.strictEqual(readFileSync(join(folder, "lock"), "utf8"), other)
    }))

  it.scoped("says why a folder cannot be locked", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      writeFileSync(join(folder, "file"), "")
      const reason = (path: string) =>
        Effect.map(Effect.flip(Effect.scoped(lockFolder(path))), (error) => error.message)
      assert.match(yield* reason(join(folder, "file")), /locking .*file failed: a part of the path is a file/)
      assert.match(yield* reason(join(folder, "none")), /locking .*none failed: it is not there/)
    }))

  it.scoped("survives kill -9 of its holder", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const daemon = yield* starter(folder)
      assert.strictEqual(yield* daemon.ask("take"), "held")
      const error = yield* Effect.flip(Effect.scoped(lockFolder(folder)))
      assert.strictEqual(error._tag === "FolderLocked" && error.pid, daemon.child.pid)
      yield* kill(daemon.child, "SIGKILL")
      assert.deepStrictEqual(readdirSync(folder), ["lock"])
      yield* lockFolder(folder)
    }))

  it.scoped("has one holder, however many start at once on a stale one", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const starters = yield* Effect.all([starter(folder), starter(folder), starter(folder), starter(folder)], {
        concurrency: "unbounded"
      })
      const all = (command: string) =>
        Effect.forEach(starters, (each) => each.ask(command), { concurrency: "unbounded" })
      for (let round = 0; round < 30; round += 1) {
        writeFileSync(
          join(folder, "lock"),
          round % 2 === 0 ? "" : JSON.stringify({ pid: 2 ** 22 + 1, started: "", boot: bootId, nonce })
        )
        const answers = yield* all("take")
        assert.strictEqual(
          answers.filter((answer) => answer === "held").length,
          1,
          `round ${round}: ${answers.join(", ")}`
        )
        assert.isTrue(
          answers.every((answer) => answer === "held" || answer.startsWith("locked by ")),
          answers.join(", ")
        )
        yield* all("release")
      }
    }))

  it.scoped("is free at once, and its folder tidy, after starters were killed anywhere", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      for (let round = 0; round < 2; round += 1) {
        const spinners = yield* Effect.all([starter(folder), starter(folder)], { concurrency: "unbounded" })
        for (const each of spinners) assert.strictEqual(yield* each.ask("spin"), "spinning")
        yield* Effect.forEach(spinners, (each) => kill(each.child, "SIGKILL"), { concurrency: "unbounded" })
        yield* Effect.scoped(lockFolder(folder))
        assert.deepStrictEqual(readdirSync(folder), [])
      }
    }))
})
