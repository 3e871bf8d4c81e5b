import { execFile, spawnSync } from "node:child_process"
import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { pack, packTo } from "../../../layers/images/pack.ts"
import { whyNoPodman } from "../../../layers/lab/podman.ts"
import { skip } from "../../needs.ts"
import { content, put, temporaryFolder } from "./support.ts"

const missing = whyNoPodman()

describe("pack", () => {
  for (const format of ["docker", "oci"] as const) {
    it.effect(`${format}: the same input gives the same bytes, other content another digest`, () =>
      Effect.gen(function*() {
        const first = yield* pack(content("a:1"), { format })
        const again = yield* pack(content("a:1"), { format })
        const renamed = yield* pack({ ...content("a:1"), names: ["b:1"] }, { format })
        const other = yield* pack({ ...content("a:1"), files: { "/x": "y" } }, { format })
        assert.isTrue(Buffer.from(first.bytes).equals(again.bytes))
        assert.match(first.configDigest, /^sha256:[0-9a-f]{64}$/)
        assert.strictEqual(renamed.configDigest, first.configDigest)
        assert.notStrictEqual(other.configDigest, first.configDigest)
      }))
  }

  it.scoped("says why an archive cannot be written", () =>
    Effect.gen(function*() {
      const blocker = yield* put(join(yield* temporaryFolder, "file"), "")
      const error = yield* Effect.flip(packTo(join(blocker, "a"), content("a:1")))
      assert.match(error.reason, /cannot be written/)
    }))

  for (const [format, gzip] of [["docker", false], ["oci", false], ["oci", true]] as const) {
    it.scoped(
      `podman loads ${format}${gzip ? ", gzip" : ""} under its name and digest, and runs it`,
      (context) =>
        Effect.gen(function*() {
          if (missing !== undefined) return skip(context, missing)
          const folder = yield* temporaryFolder
          const podman = (...parameters: ReadonlyArray<string>) =>
            Effect.promise(async () =>
              (await promisify(execFile)("podman", [
                ...["--root", join(folder, "root"), "--runroot", join(folder, "run"), "--storage-driver", "vfs"],
                ...parameters
              ], { env: { ...process.env, CONTAINERS_CONF: join(folder, "containers.conf") } })).stdout.trim()
            )
          yield* Effect.promise(() =>
            writeFile(
              join(folder, "containers.conf"),
              "[containers]\ndefault_ulimits = [\"nofile=4096:4096\",\"nproc=4096:4096\"]\n[engine]\nruntime = \"runc\"\n"
            )
          )
          const busybox = yield* Effect.promise(async () => {
            const path = spawnSync("sh", ["-c", "command -v busybox"]).stdout.toString().trim()
            return readFile(path)
          })
          const path = join(folder, "image")
          const packed = yield* packTo(path, {
            names: ["greeter:1"],
            files: { "/bin/busybox": busybox, "/bin/sh": { link: "busybox" }, "/etc/greeting": "hello" },
            entrypoint: ["/bin/sh", "-c"],
            cmd: ["echo $(/bin/busybox cat /etc/greeting) $WHO"],
            env: { WHO: "world" },
            labels: { Tag: "1" }
          }, { format, gzip })
          yield* podman("load", "-i", path)
          assert.strictEqual(
            yield* podman("images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"),
            `${packed.configDigest} localhost/greeter:1`
          )
          assert.strictEqual(yield* podman("image", "inspect", "--format", "{{.Labels.Tag}}", "greeter:1"), "1")
          assert.strictEqual(
            yield* podman("run", "--rm", "--pull", "never", "--network", "host", "localhost/greeter:1"),
            "hello world"
          )
        })
    )
  }
})
