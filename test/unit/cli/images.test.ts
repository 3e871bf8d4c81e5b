import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { imagesView } from "../../../src/daemon/upgrade-view.ts"
import { split } from "../../../src/model/image.ts"
import { UpgradeWorld } from "../decide/upgrade/world.ts"
import { commandLine } from "./console.ts"

describe("images", () => {
  it.effect("tells each image's version, users, and part", () =>
    Effect.gen(function*() {
      const world = new UpgradeWorld().upgradeTo("2.0").settle()
      const rows = [...world.images, "docker-others:1"].map((name) => ({
        id: "0123456789abcdef",
        repository: split(name).repository,
        tags: [split(name).tag]
      }))
      const users = [{ container: "gnmidpu5", image: split("docker-sonic-gnmi:1.0"), running: true }]
      const memory = { ...world.memory, upgrade: { ...world.memory.upgrade, users } }
      const { code, out } = yield* commandLine(["images"], {
        client: { images: Effect.succeed(imagesView(memory, rows)) }
      })
      assert.strictEqual(code, 0)
      assert.match(out, /docker-sonic-gnmi:1\.0 +0123456789ab +gnmidpu5 +previous/)
      assert.match(out, /docker-sonic-gnmi:2\.0 +0123456789ab +nobody +running, target/)
      assert.notInclude(out, "docker-others")
    }))

  it.effect("exits 4 without a daemon", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* commandLine(["images"])).code, 4)
    }))
})
