import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

import * as NpuArchitecture from "../../../src/daemon/npu-architecture.ts"
import { NpuError } from "../../../src/npu/error.ts"
import type { ImageArchive } from "../../../src/npu/image-source.ts"

const image = { repository: "docker-database", tag: "2.0" }
const archive = (architecture: string): ImageArchive => ({
  path: "/images/database.tar",
  image,
  names: [image],
  configDigest: `sha256:${"2".repeat(64)}`,
  architecture,
  bytes: { size: 1, open: Effect.die("nobody sends it") }
})

const running = [{ container: "databasedpu0", image: { repository: "docker-database", tag: "1.0" } }]
const row = { id: "1".repeat(12), repository: "localhost/docker-database", tags: ["1.0"] }

const checkOf = (rows: ReadonlyArray<typeof row>, architectures: Readonly<Record<string, string>>) => {
  const asked = { lists: 0 }
  const images = Effect.sync(() => {
    asked.lists += 1
    return rows
  })
  const source = { architectureOf: (id: string) => Effect.succeed(architectures[id]) }
  return Effect.map(NpuArchitecture.make({ images }, source), (check) => ({ asked, check }))
}

const quietly = Logger.withMinimumLogLevel(LogLevel.None)

describe("the NPU's architecture", () => {
  it.effect("is learnt once from an image that runs there, and every archive is held to it", () =>
    Effect.gen(function*() {
      const { asked, check } = yield* checkOf([row], { [row.id]: "amd64" })
      assert.strictEqual(
        yield* check(archive("arm64"), running),
        "it is for arm64, and the NPU is amd64, since databasedpu0 runs docker-database:1.0 there"
      )
      assert.isUndefined(yield* check(archive("amd64"), []))
      assert.match((yield* check(archive("arm64"), [])) ?? "", /the NPU is amd64/)
      assert.strictEqual(asked.lists, 1)
    }))

  it.effect("is not guessed", () =>
    Effect.gen(function*() {
      const unknown = yield* checkOf([row], {})
      assert.isUndefined(yield* unknown.check(archive("arm64"), running))
      const nothing = yield* checkOf([row], { [row.id]: "amd64" })
      assert.isUndefined(yield* nothing.check(archive("arm64"), []), "what runs nowhere proves nothing")
      const twice = yield* checkOf([row, { ...row, id: "3".repeat(12) }], { [row.id]: "amd64" })
      assert.isUndefined(yield* twice.check(archive("arm64"), running), "either row may be meant")
      const silent = yield* NpuArchitecture.make(
        { images: new NpuError({ class: "TimedOut", method: "ListImage", origin: "transport", reason: "no answer" }) },
        { architectureOf: () => Effect.succeed("amd64") }
      )
      assert.isUndefined(yield* silent(archive("arm64"), running))
      const { check } = yield* checkOf([row], { [row.id]: "amd64" })
      assert.isUndefined(yield* check(archive(""), running), "an archive that does not say is not judged by it")
    }).pipe(quietly))

  it.effect("is what an operator says it is", () =>
    Effect.gen(function*() {
      const { asked, check } = yield* checkOf([row], { [row.id]: "amd64" })
      assert.strictEqual(
        yield* check(archive("amd64"), running),
        "it is for amd64, and the NPU is arm64, as --npu-architecture says"
      )
      assert.strictEqual(asked.lists, 0)
    }).pipe(Effect.provideService(NpuArchitecture.GivenArchitecture, "arm64")))
})
