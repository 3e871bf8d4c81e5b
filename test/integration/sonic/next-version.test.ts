import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { layer, nextOf } from "../../../layers/sonic/next-version.ts"
import { NextVersion } from "../../../src/daemon/next-version.ts"

const asked = (command: string) => Effect.provide(Effect.flatMap(NextVersion, (next) => next), layer(command))

/** A `sonic-installer` that prints this and exits so. */
const installer = (text: string, code = 0) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = mkdtempSync(join(tmpdir(), "installer-"))
      const path = join(folder, "sonic-installer")
      writeFileSync(path, `#!/bin/sh\n[ "$1" = list ] || exit 9\ncat <<'END'\n${text}\nEND\nexit ${code}\n`)
      chmodSync(path, 0o755)
      return { folder, path }
    }),
    ({ folder }) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )

const list =
  "Current: SONiC-OS-20241211.35\nNext: SONiC-OS-20250505.1\nAvailable:\nSONiC-OS-20250505.1\nSONiC-OS-20241211.35"

describe("the version that the DPU boots next", () => {
  it.scoped("is what sonic-installer lists as Next, in the version file's spelling", () =>
    Effect.gen(function*() {
      const { path } = yield* installer(list)
      assert.deepStrictEqual(yield* asked(path), Either.right("20250505.1" as never))
    }))

  it.scoped("cannot be told where the command fails, and says so", () =>
    Effect.gen(function*() {
      const { path } = yield* installer("Root privileges required", 1)
      for (const command of [path, "/there/is/no/sonic-installer"]) {
        const reading = yield* asked(command)
        assert.isTrue(Either.isLeft(reading) && reading.left.includes("--to VERSION"))
      }
    }))

  it("cannot be told from a list without it", () => {
    assert.isTrue(Either.isLeft(nextOf("Current: SONiC-OS-1\nAvailable:\nSONiC-OS-1")))
    assert.isTrue(Either.isLeft(nextOf("Next: SONiC-OS-a b")))
  })
})
