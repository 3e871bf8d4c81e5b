import { randomBytes } from "node:crypto"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import type { Backend } from "../../../layers/npu-sim/backend.ts"
import * as MemoryBackend from "../../../layers/npu-sim/memory-backend.ts"
import type { DeployRequest } from "../../../src/npu/messages.ts"
import { packArchive } from "../../unit/npu-sim/archive.ts"
import { npu } from "../../unit/npu-sim/npu.ts"
import { world } from "./world.ts"

const announce = (imageSize: number, more = {}): DeployRequest => ({
  imageTransfer: { name: "service", tag: "1", imageSize: String(imageSize), ...more }
})
const content = (bytes: number): DeployRequest => ({ content: Buffer.alloc(bytes, 7) })
const end: DeployRequest = { imageTransferEnd: {} }

describe("Deploy over gRPC", () => {
  it.scopedLive("loads an archive that comes in pieces, and says ready first", () =>
    Effect.gen(function*() {
      const { client, engine } = yield* world({ server: { chunkSize: 12_345 } })
      const archive = yield* Effect.promise(() =>
        packArchive({ name: "service:1", layerBytes: 5_000_000, gzip: false })
      )
      const answer = yield* Effect.promise(() => client.upload("alias", "", archive.bytes))
      assert.strictEqual(answer.status, "OK")
      assert.strictEqual(answer.messages[0]?.imageTransferReady?.chunkSize, 12_345)
      assert.deepInclude(answer.messages.at(-1)?.imageTransferSuccess, {
        name: "alias",
        imageSize: String(archive.bytes.length)
      })
      assert.deepInclude(engine.inspect().images[0], {
        id: archive.configDigest,
        names: ["service:1", "alias:latest"]
      })
    }))

  const cases: ReadonlyArray<readonly [string, ReadonlyArray<DeployRequest>, string]> = [
    ["content first", [content(5)], "UNAVAILABLE"],
    ["end first", [end], "UNAVAILABLE"],
    ["nothing at all", [], "OK"],
    ["more bytes than announced", [announce(5), content(6), end], "INVALID_ARGUMENT"],
    ["fewer bytes than announced", [announce(5), content(4), end], "INVALID_ARGUMENT"],
    ["more than there is room for", [announce(2e12)], "RESOURCE_EXHAUSTED"],
    ["garbage", [announce(3000), content(1000), content(0), content(2000), end], "INTERNAL"],
    ["an early half-close", [announce(5), content(5)], "UNKNOWN"],
    ["a second announcement", [announce(5), announce(5)], "INVALID_ARGUMENT"],
    ["a plugin", [announce(5, { isPlugin: true })], "UNIMPLEMENTED"]
  ]
  for (const [what, messages, expected] of cases) {
    it.scopedLive(`${expected} to ${what}`, () =>
      Effect.gen(function*() {
        const { client, engine } = yield* world()
        const answer = yield* Effect.promise(() => client.deploy(messages))
        assert.strictEqual(answer.status, expected, answer.details)
        if (messages.length === 0) assert.deepStrictEqual(answer.messages, [])
        assert.strictEqual(engine.inspect().transfers, 0)
        assert.strictEqual(engine.freeBytes(), 16 * 2 ** 30)
      }))
  }

  it.scopedLive("tells after each piece how much has come, since there are clients that wait for it", () =>
    Effect.gen(function*() {
      const { client } = yield* world({ server: { backend: credulous } })
      const pieces = [3, 4, 5].map(content)
      const answer = yield* Effect.promise(() => client.deploy([announce(12), ...pieces, end]))
      assert.deepStrictEqual(
        answer.messages.flatMap(({ imageTransferProgress }) => imageTransferProgress?.bytesReceived ?? []),
        ["3", "7", "12"]
      )
    }))

  it.scopedLive("counts the bytes itself, whatever the engine behind it does", () =>
    Effect.gen(function*() {
      const { client } = yield* world({ server: { backend: credulous } })
      const strict = [[4, "INVALID_ARGUMENT"], [5, "OK"], [6, "INVALID_ARGUMENT"]] as const
      for (const [sent, expected] of strict) {
        const answer = yield* Effect.promise(() => client.deploy([announce(5), content(sent), end]))
        assert.strictEqual(answer.status, expected)
      }
      const asReference = yield* world({ server: { backend: credulous, checksShortTransfer: false } })
      const short = yield* Effect.promise(() => asReference.client.deploy([announce(5), content(4), end]))
      assert.strictEqual(short.status, "OK")
    }))

  it.scopedLive("an empty content message is legal", () =>
    Effect.gen(function*() {
      const { client } = yield* world()
      const { bytes } = yield* Effect.promise(() => packArchive({ name: "service:1" }))
      const messages = [announce(bytes.length), content(0), { content: bytes }, content(0), end]
      assert.strictEqual((yield* Effect.promise(() => client.deploy(messages))).status, "OK")
    }))

  it.scopedLive("a download that brings nothing is a success, with neither ready nor size", () =>
    Effect.gen(function*() {
      const { client, engine } = yield* world()
      const messages = [announce(0, { remoteDownload: { path: "nowhere:/x", protocol: "SCP" } })]
      const answer = yield* Effect.promise(() => client.deploy(messages))
      assert.strictEqual(answer.status, "OK")
      assert.deepStrictEqual(answer.messages.map((each) => each.imageTransferSuccess?.imageSize), ["0"])
      assert.deepStrictEqual(engine.inspect().images, [])
    }))

  it.scopedLive("gives the room back when its client is cut off half-way", () =>
    Effect.gen(function*() {
      const { client, engine, journal, server } = yield* world()
      const deploying = client.deploy([announce(2 ** 20), { content: randomBytes(1000) }], "open")
      yield* until(() => engine.inspect().disk.free < 16 * 2 ** 30)
      yield* server.listener.cut
      yield* until(() => engine.inspect().transfers === 0)
      assert.strictEqual(engine.freeBytes(), 16 * 2 ** 30)
      yield* Effect.promise(() => deploying)
      yield* until(() => journal()[0]?.answered !== undefined)
      assert.deepInclude(journal()[0]?.answered, { status: "CANCELLED", bytes: 1000 })
    }))
})

/** Takes whatever comes. */
const credulous: Backend = {
  ...MemoryBackend.make(npu().engine),
  deploy: ({ imageSize, name, tag }) =>
    Effect.succeed({ write: () => Effect.void, finish: Effect.succeed({ name, tag, imageSize }) })
}

/** Waits for a condition, looking again each time the event loop comes round. */
const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.async((resume) => {
    const look = (): void => {
      if (condition()) resume(Effect.void)
      else setImmediate(look)
    }
    look()
  })
