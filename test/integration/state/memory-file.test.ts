import { spawnSync } from "node:child_process"
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

import { layerFile } from "../../../layers/state/memory-file.ts"
import { StateStore, type StateStoreService } from "../../../src/daemon/state-store.ts"
import { skip } from "../../needs.ts"
import { noMount, smallDisk, temporaryFolder } from "./support.ts"

const withStore = <A, E, R>(directory: string, use: (store: StateStoreService) => Effect.Effect<A, E, R>) =>
  Effect.provide(Effect.flatMap(StateStore, use), layerFile({ directory }))

const reasonOf = <A>(effect: Effect.Effect<A, { readonly reason: string }>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

describe("the memory on disk", () => {
  it.scoped("makes its folder, private, and gives back what was saved", () =>
    Effect.gen(function*() {
      const folder = join(yield* temporaryFolder, "deep", "state")
      yield* withStore(folder, (store) =>
        Effect.gen(function*() {
          assert.strictEqual(store.location, join(folder, "memory.json"))
          assert.isUndefined(yield* store.load)
          yield* store.save("one, ü")
          assert.strictEqual(yield* store.load, "one, ü")
          yield* store.save("")
          assert.strictEqual(yield* store.load, "")
          yield* store.save("two")
        }))
      assert.strictEqual(statSync(folder).mode & 0o777, 0o700)
      assert.strictEqual(statSync(join(folder, "memory.json")).mode & 0o777, 0o600)
      assert.deepStrictEqual(readdirSync(folder), ["memory.json"])
      assert.strictEqual(yield* withStore(folder, (store) => store.load), "two")
    }))

  it.scoped("saves one after the other, whoever calls at once", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* withStore(folder, (store) =>
        Effect.gen(function*() {
          const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(1000))
          yield* Effect.forEach(texts, store.save, { concurrency: "unbounded" })
          assert.include(texts, yield* store.load)
        }))
    }))

  it.scoped("finishes a save that is interrupted", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* withStore(folder, (store) =>
        Effect.gen(function*() {
          const saving = yield* Effect.fork(store.save("text"))
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(saving)
          assert.strictEqual(yield* store.load, "text")
        }))
      assert.deepStrictEqual(readdirSync(folder), ["memory.json"])
    }))

  it.scoped("removes what a killed daemon left half written, and nothing else", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      const others = ["memory.json.unreadable-2026", "memory.json.bak", "audit.log.1"]
      for (const name of ["memory.json", "memory.json.2748263", ...others]) writeFileSync(join(folder, name), name)
      yield* withStore(folder, (store) => Effect.map(store.load, (text) => assert.strictEqual(text, "memory.json")))
      assert.deepStrictEqual(readdirSync(folder).sort(), ["memory.json", ...others].sort())
    }))

  it.scoped("sets an unreadable text aside, never over an earlier one", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* TestClock.setTime(Date.parse("2026-01-02T03:04:05.678Z"))
      yield* withStore(folder, (store) =>
        Effect.gen(function*() {
          const name = join(folder, "memory.json.unreadable-2026-01-02T03:04:05.678Z")
          for (const [text, expected] of [["a", name], ["b", `${name}-2`], ["c", `${name}-3`]] as const) {
            yield* store.save(text)
            assert.strictEqual(yield* store.setAside, expected)
            assert.strictEqual(readFileSync(expected, "utf8"), text)
            assert.isUndefined(yield* store.load)
          }
          assert.match(yield* reasonOf(store.setAside), /moving .*memory\.json aside failed: it is not there/)
        }))
    }))

  it.scoped("is refused to a second daemon", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      yield* withStore(folder, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(withStore(folder, (store) => store.load))
          assert.strictEqual(error._tag, "FolderLocked")
        }))
      yield* withStore(folder, (store) => store.load)
    }))
})

describe("a memory that cannot be written", () => {
  it.scoped("does not keep the daemon from living, and is tried again at each save", () =>
    Effect.gen(function*() {
      const parent = yield* temporaryFolder
      const blocker = join(parent, "file")
      writeFileSync(blocker, "")
      const folder = join(blocker, "state")
      yield* withStore(folder, (store) =>
        Effect.gen(function*() {
          assert.match(yield* reasonOf(store.save("text")), /making the folder .* failed: a part of the path is a file/)
          assert.match(yield* reasonOf(store.load), /reading .* failed: a part of the path is a file/)
          assert.match(yield* reasonOf(store.setAside), /a part of the path is a file/)
          spawnSync("rm", [blocker])
          yield* store.save("text")
          assert.strictEqual(yield* store.load, "text")
        }))
    }))

  it.scoped("names the daemon that came first meanwhile", () =>
    Effect.gen(function*() {
      const parent = yield* temporaryFolder
      const blocker = join(parent, "file")
      writeFileSync(blocker, "")
      const folder = join(blocker, "state")
      yield* withStore(folder, (store) =>
        Effect.gen(function*() {
          spawnSync("rm", [blocker])
          yield* withStore(folder, () =>
            Effect.map(
              reasonOf(store.save("text")),
              (reason) => assert.match(reason, new RegExp(`in use by process ${process.pid}`))
            ))
        }))
    }))

  it.scoped("says so when the memory's name is taken by a folder", () =>
    Effect.gen(function*() {
      const folder = yield* temporaryFolder
      mkdirSync(join(folder, "memory.json", "x"), { recursive: true })
      yield* withStore(folder, (store) =>
        Effect.gen(function*() {
          assert.match(yield* reasonOf(store.load), /it is a folder, not a file/)
          assert.match(yield* reasonOf(store.save("x")), /it is a folder, not a file|writing .* failed/)
        }))
    }))

  it.scoped(
    "keeps the text before when the disk is full, even when half of the new one fits",
    (context) =>
      Effect.gen(function*() {
        if (noMount !== undefined) return skip(context, noMount)
        const folder = yield* smallDisk("size=64k")
        yield* withStore(folder, (store) =>
          Effect.gen(function*() {
            yield* store.save("small")
            assert.match(yield* reasonOf(store.save("x".repeat(100_000))), /writing .* failed: the disk is full/)
            assert.strictEqual(yield* store.load, "small")
            assert.deepStrictEqual(readdirSync(folder).sort(), ["lock", "memory.json"])
            yield* store.save("y".repeat(20_000))
          }))
      })
  )

  it.scoped("says that the disk is read-only, and reads what is there", (context) =>
    Effect.gen(function*() {
      if (noMount !== undefined) return skip(context, noMount)
      const folder = yield* smallDisk("size=64k")
      writeFileSync(join(folder, "memory.json"), "before")
      chmodSync(folder, 0o700)
      spawnSync("mount", ["-o", "remount,ro", folder])
      yield* withStore(folder, (store) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* store.load, "before")
          assert.match(yield* reasonOf(store.save("after")), /the file system is mounted read-only/)
          spawnSync("mount", ["-o", "remount,rw", folder])
          yield* store.save("after")
          assert.strictEqual(yield* store.load, "after")
        }))
    }))
})
