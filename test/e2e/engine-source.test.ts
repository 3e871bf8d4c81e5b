/** A real container engine as the source of images: what podman holds, laid out, read to its end and known by its digest. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { packTo } from "../../layers/images/pack.ts"
import { layerSources } from "../../layers/images/sources.ts"
import { startPodman, whyNoPodman } from "../../layers/lab/podman.ts"
import { syncFolder } from "../../layers/state/sync-folder.ts"
import { ImageSource } from "../../src/npu/image-source.ts"
import { needs } from "../needs.ts"

describe("a real container engine as the source of images", () => {
  needs(whyNoPodman())

  it.scopedLive("gives an image by its version's tag, and by its label where it has none", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "engine-source-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const podman = yield* startPodman(folder)
      const archive = join(folder, "database.tar")
      const packed = yield* packTo(archive, {
        names: ["docker-database:latest"],
        files: { "/version": "1.0\n" },
        labels: { Tag: "20260201.2" }
      })
      yield* podman.run("load", "-i", archive)
      const spoolDirectory = join(folder, "spool")
      const sources = layerSources({
        directory: join(folder, "images"),
        kept: { directory: join(folder, "archives"), sync: syncFolder },
        engine: { socketPath: podman.socket, spoolDirectory }
      })
      const find = (tag: string) =>
        Effect.scoped(
          Effect.provide(
            Effect.flatMap(ImageSource, (source) => source.find({ repository: "docker-database", tag })),
            sources
          )
        )
      mkdirSync(join(folder, "images"))
      const labelled = yield* find("20260201.2")
      assert.strictEqual(labelled.configDigest, packed.configDigest)
      assert.deepStrictEqual(labelled.names, [{ repository: "docker-database", tag: "20260201.2" }])
      yield* podman.run("tag", "docker-database:latest", "docker-database:3.0")
      const tagged = yield* find("3.0")
      assert.strictEqual(tagged.configDigest, packed.configDigest)
      assert.strictEqual(tagged.architecture, "amd64")
      assert.deepStrictEqual(readdirSync(spoolDirectory), [])
      assert.match((yield* Effect.flip(find("4.0"))).message, /it has .*localhost\/docker-database:3\.0/)
    }))
})
