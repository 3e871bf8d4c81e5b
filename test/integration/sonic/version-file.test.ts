import { execFileSync } from "node:child_process"
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import { readVersion, versions } from "../../../layers/sonic/version-file.ts"
import type { VersionReading } from "../../../src/daemon/dpu-identity.ts"
import { put, temporaryRoot } from "./support.ts"

const shown = (reading: VersionReading): string => reading._tag === "Version" ? reading.version : reading.reason

const texts: ReadonlyArray<readonly [text: string, expected: string | RegExp]> = [
  ["build_version: 20241211.35\n", "20241211.35"],
  ["build_version: 20241211.350\n", "20241211.350"],
  ["build_version: 0x10\n", "0x10"],
  ["build_version: 1_000\n", "1_000"],
  ["build_version: 012\n", "012"],
  ["build_version: 1e3\n", "1e3"],
  ["build_version: 2024-12-11\n", "2024-12-11"],
  ["build_version: true\n", "true"],
  ["build_version: 'SONiC.master.912962-3e0bdc60b'\ndebian_version: '12.6'\n", "master.912962-3e0bdc60b"],
  [
    "%YAML 1.1\n---\nbuild_version: \"internal-202511.160570752-5ebd28b407\" # comment\n",
    "internal-202511.160570752-5ebd28b407"
  ],
  [
    "---\ncommit_id: 'x'\nbuild_version: 'HEAD.0-dirty-20200130.072127'\nbuild_date: Thu Jan 30 07:22:20 UTC 2020\n",
    "HEAD.0-dirty-20200130.072127"
  ],
  ["build_version: 'a+b'\n", /holds "\+"/],
  ["build_version: latest\n", /"latest" is not a version/],
  ["build_version:\n", /has no build_version|the version is empty/],
  ["build_version: [1]\n", /has no build_version/],
  ["", /has no build_version/],
  ["just text\n", /has no build_version/],
  ["- build_version: 1\n", /has no build_version/],
  ["build_version: 'open\nother: 1\n", /is not YAML: Missing closing 'quote/],
  ["a: b: c\n", /is not YAML/]
]

describe("a version file", () => {
  for (const [text, expected] of texts) {
    it.scoped(`with ${JSON.stringify(text)}`, () =>
      Effect.gen(function*() {
        const path = put(yield* temporaryRoot, "version.yml", text)
        const reading = yield* readVersion(path)
        if (typeof expected === "string") assert.deepStrictEqual([reading._tag, shown(reading)], ["Version", expected])
        else {
          assert.strictEqual(reading._tag, "Unreadable")
          assert.match(shown(reading), expected)
          assert.include(shown(reading), path)
        }
      }))
  }

  it.scoped("that is none", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      assert.match(shown(yield* readVersion(join(root, "none"))), /none is not there/)
      assert.match(shown(yield* readVersion(root)), /is not a regular file/)
      execFileSync("mkfifo", [join(root, "fifo")])
      assert.match(shown(yield* readVersion(join(root, "fifo"))), /is not a regular file/)
      writeFileSync(join(root, "large"), "")
      truncateSync(join(root, "large"), 2 ** 30)
      assert.match(shown(yield* readVersion(join(root, "large"))), /at most 1048576 are read/)
      symlinkSync("circle", join(root, "circle"))
      assert.match(shown(yield* readVersion(join(root, "circle"))), /cannot be read: ELOOP/)
    }))

  it.scopedLive("without an end of line is read when it stays as it is", () =>
    Effect.gen(function*() {
      const path = put(yield* temporaryRoot, "version.yml", "build_version: 20241211.35")
      assert.strictEqual(shown(yield* readVersion(path)), "20241211.35")
    }))

  it.scoped("without an end of line is not read while it grows", () =>
    Effect.gen(function*() {
      const path = put(yield* temporaryRoot, "version.yml", "build_version: 2024")
      const reading = yield* Effect.fork(readVersion(path))
      yield* untilAsleep
      appendFileSync(path, "1211.35\n")
      yield* TestClock.adjust("1 second")
      assert.strictEqual(shown(yield* Fiber.join(reading)), "20241211.35")
    }))
})

/** Until a fiber waits for the clock; reading a file takes turns of the event loop. */
const untilAsleep = Effect.repeat(
  Effect.zipRight(Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve))), TestClock.sleeps()),
  { until: (sleeps) => [...sleeps].length > 0 }
)

describe("a version file that changes", () => {
  it.scopedLive("is told at each change and at no other time", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const folder = join(root, "sonic")
      const path = join(folder, "version.yml")
      const readings = yield* Queue.unbounded<VersionReading>()
      yield* Effect.forkScoped(Stream.runForEach(versions(path), (reading) => Queue.offer(readings, reading)))
      const next = Effect.map(Queue.take(readings), shown)

      // The folder is not there: only the poll can find it.
      assert.match(yield* next, /is not there/)
      mkdirSync(folder)
      writeFileSync(path, "build_version: one\n")
      assert.strictEqual(yield* next, "one")

      // Replaced by a rename; then a change that is none.
      writeFileSync(join(folder, "new"), "build_version: two\n")
      renameSync(join(folder, "new"), path)
      assert.strictEqual(yield* next, "two")
      writeFileSync(join(folder, "new"), "build_version: SONiC-OS-two\nbranch: x\n")
      renameSync(join(folder, "new"), path)

      writeFileSync(join(folder, "new"), "build_version: 'three\n")
      renameSync(join(folder, "new"), path)
      assert.match(yield* next, /is not YAML/)
      rmSync(path)
      assert.match(yield* next, /is not there/)
      writeFileSync(join(folder, "new"), "build_version: four\n")
      renameSync(join(folder, "new"), path)
      assert.strictEqual(yield* next, "four")

      // The folder itself is replaced, as an upgrade does it: the watch holds on to the old one.
      renameSync(folder, join(root, "old"))
      mkdirSync(folder)
      writeFileSync(path, "build_version: five\n")
      const first = yield* next
      assert.strictEqual(/is not there/.test(first) ? yield* next : first, "five")
    }))

  it.scopedLive("is told within the poll although the file is a link to another folder", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const target = put(root, "elsewhere/version.yml", "build_version: one\n")
      mkdirSync(join(root, "etc"))
      symlinkSync(target, join(root, "etc", "version.yml"))
      const readings = yield* Queue.unbounded<VersionReading>()
      yield* Effect.forkScoped(
        Stream.runForEach(versions(join(root, "etc", "version.yml")), (reading) => Queue.offer(readings, reading))
      )
      assert.strictEqual(shown(yield* Queue.take(readings)), "one")
      writeFileSync(`${target}.new`, "build_version: two\n")
      renameSync(`${target}.new`, target)
      assert.strictEqual(shown(yield* Queue.take(readings)), "two")
    }))
})
