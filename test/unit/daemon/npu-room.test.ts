import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import * as NpuRoom from "../../../src/daemon/npu-room.ts"
import { roomText } from "../../../src/model/room.ts"
import { NpuError } from "../../../src/npu/error.ts"
import type { ImageArchive } from "../../../src/npu/image-source.ts"
import type { ContainerRow, ImageRow } from "../../../src/npu/rows.ts"

const image = { repository: "docker-database", tag: "2.0" }
const archive: ImageArchive = {
  path: "/images/database.tar",
  image,
  names: [image],
  configDigest: `sha256:${"2".repeat(64)}`,
  architecture: "amd64",
  bytes: { size: 400e6, open: Effect.die("nobody sends it") }
}

const container = (name: string, repository: string, tag: string): ContainerRow => ({
  id: name,
  names: [name, "alias"],
  image: { repository, tag },
  version: undefined,
  status: "STOPPED"
})

const images: ReadonlyArray<ImageRow> = [
  { id: "a".repeat(12), repository: "localhost/docker-database", tags: ["1.0", "latest"] },
  { id: "b".repeat(12), repository: "<none>", tags: ["<none>"] },
  { id: "c".repeat(12), repository: "docker-telemetry", tags: ["0.9"] },
  { id: "d".repeat(12), repository: "docker-acms", tags: ["0.9"] }
]
const containers = [
  container("databasedpu1", "docker-database", "latest"),
  container("databasedpu0", "docker-database", "1.0"),
  container("gnmidpu0", "sha256", "b".repeat(64)),
  container("hadpu0", "b".repeat(12), "latest")
]
const npu = { images: Effect.succeed(images), containers: Effect.succeed(containers) }
const source = {
  sizesOf: (ids: ReadonlyArray<string>) =>
    Effect.succeed(new Map(ids.flatMap((id): ReadonlyArray<[string, number]> => id[0] === "b" ? [[id, 300e6]] : [])))
}

describe("the room on the NPU", () => {
  it.effect("is held by images, under the names of containers also where an image has lost its own", () =>
    Effect.gen(function*() {
      const room = yield* NpuRoom.take(npu, source, archive, "no space left on device")
      assert.deepStrictEqual(room?.holdings.map(({ bytes, names, usedBy }) => [names, bytes, usedBy]), [
        [[], 300e6, ["gnmidpu0", "hadpu0"]],
        [["docker-database:1.0", "docker-database:latest"], undefined, ["databasedpu0", "databasedpu1"]],
        [["docker-telemetry:0.9"], undefined, []],
        [["docker-acms:0.9"], undefined, []]
      ])
      assert.strictEqual(
        roomText(room!),
        "it needs 400 MB; the NPU holds 4 images (300 MB of known size), 2 of them unused: bbbbbbbbbbbb (300 MB, used by "
          + "gnmidpu0, hadpu0); docker-database:1.0 docker-database:latest (size unknown, used by databasedpu0, "
          + "databasedpu1); docker-telemetry:0.9 (size unknown, unused); and 1 more"
      )
    }))

  it.effect("is missing as far as the server says what is free", () =>
    Effect.gen(function*() {
      const missing = (refusal: string) => Effect.map(NpuRoom.take(npu, source, archive, refusal), (room) => room?.free)
      assert.strictEqual(yield* missing("image_size 400000000 is beyond the 12345 bytes that are free"), 12345)
      assert.strictEqual(yield* missing("only 99 bytes available"), 99)
      assert.isUndefined(yield* missing("300 MB are free"))
    }))

  it.effect("is not told where one half alone is known", () =>
    Effect.gen(function*() {
      const failed = new NpuError({ class: "TimedOut", method: "ListImage", origin: "transport", reason: "no answer" })
      assert.isUndefined(yield* NpuRoom.take({ ...npu, images: failed }, source, archive, "no space left"))
      const unseen = { ...npu, containers: Effect.succeed(undefined) }
      assert.isUndefined(yield* NpuRoom.take(unseen, source, archive, "no space left"))
    }))
})
