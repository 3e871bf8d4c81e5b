import { statSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { makeFolder } from "../../../layers/state/make-folder.ts"
import { temporaryFolder } from "./support.ts"

const made = (path: string) =>
  Effect.match(
    Effect.tryPromise({ try: () => makeFolder(path), catch: (cause) => (cause as NodeJS.ErrnoException).code }),
    {
      onFailure: (code) => code,
      onSuccess: (result) => result
    }
  )

describe("a folder", () => {
  it.scopedLive("is made with those above it, and only once", () =>
    Effect.gen(function*() {
      const path = join(yield* temporaryFolder, "a", "b", "c")
      assert.isTrue(yield* made(path))
      assert.isFalse(yield* made(path))
      assert.strictEqual(statSync(path).mode & 0o777, 0o700)
    }))

  it.scopedLive("that cannot be is refused, and never waited for", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* made("/proc/nope/deeper"), "ENOENT")
      const file = join(yield* temporaryFolder, "file")
      writeFileSync(file, "")
      assert.strictEqual(yield* made(join(file, "below")), "ENOTDIR")
    }))
})
