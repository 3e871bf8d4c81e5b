/** npu-sim over a real container engine: the same calls as over memory, on containers that really run. */
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { type Podman, startPodman, whyNoPodman } from "../../layers/lab/podman.ts"
import * as DockerBackend from "../../layers/npu-sim/docker/backend.ts"
import { serve } from "../../layers/npu-sim/server/serve.ts"
import { type Answer, connect, type TestClient } from "../integration/npu-sim/client.ts"
import { needs } from "../needs.ts"

/** Two versions of a service that says its version and sleeps, and one that cannot be started. */
const archives = (podman: Podman, folder: string) =>
  Effect.gen(function*() {
    const root = join(folder, "rootfs")
    mkdirSync(join(root, "bin"), { recursive: true })
    cpSync("/bin/busybox", join(root, "bin/busybox"))
    for (const name of ["sh", "sleep", "echo", "trap"]) cpSync("/bin/busybox", join(root, "bin", name))
    const made: Record<string, Buffer> = {}
    for (const version of ["1", "2", "bad"]) {
      const tar = join(folder, "rootfs.tar")
      cpSync("/bin/busybox", join(root, `version-${version}`))
      assert.strictEqual(spawnSync("tar", ["-C", root, "-cf", tar, "."]).status, 0)
      const script = `trap 'exit 0' TERM; echo version ${version}; echo grüße >&2; while true; do sleep 0.1; done`
      const entrypoint = version === "bad" ? ["/nonexistent"] : ["/bin/sh", "-c", script]
      yield* podman.run("import", "--change", `ENTRYPOINT ${JSON.stringify(entrypoint)}`, tar, `service:${version}`)
      const archive = join(folder, `${version}.tar`)
      yield* podman.run("save", "-o", archive, `service:${version}`)
      yield* podman.run("rmi", `service:${version}`)
      made[version] = readFileSync(archive)
    }
    return made
  })

/** What this process makes in the system's temporary folder is made here instead, apart from everybody else's. */
const ownTemporaryFolder = (folder: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const before = process.env["TMPDIR"]
      const own = join(folder, "temporary")
      mkdirSync(own)
      process.env["TMPDIR"] = own
      return { before, own }
    }),
    ({ before }) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env["TMPDIR"]
        else process.env["TMPDIR"] = before
      })
  ).pipe(Effect.map(({ own }) => own))

describe("npu-sim over a real container engine", () => {
  needs(whyNoPodman())

  it.scopedLive("serves a whole life: deploy, start, list, log, update, stop, remove", () =>
    Effect.gen(function*() {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "npu-sim-docker-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const podman = yield* startPodman(folder)
      const images = yield* archives(podman, folder)
      const server = yield* serve({
        host: "127.0.0.1",
        port: 0,
        backend: yield* DockerBackend.make(podman.socket)
      })
      const client = yield* Effect.acquireRelease(
        Effect.sync(() => connect(server.listener.port)),
        (each) => Effect.sync(each.close)
      )
      const temporary = yield* ownTemporaryFolder(folder)
      yield* Effect.promise(() => deploys(client, images))
      yield* Effect.promise(() => life(client))
      assert.deepStrictEqual(readdirSync(temporary), [], "temporary files are left")
    }), 120_000)
})

const deploys = async (client: TestClient, images: Record<string, Buffer>): Promise<void> => {
  const statusOf = ({ details, status }: Answer) => `${status} ${details}`
  assert.match(statusOf(await client.upload("x", "1", Buffer.alloc(3000, 7))), /^INTERNAL unable to load image/)
  const short = await client.deploy([
    { imageTransfer: { name: "x", tag: "1", imageSize: "99999" } },
    { content: images["1"]!.subarray(0, 5000) },
    { imageTransferEnd: {} }
  ])
  assert.strictEqual(short.status, "INVALID_ARGUMENT")
  const huge = await client.deploy([{ imageTransfer: { name: "x", tag: "1", imageSize: "1".repeat(15) } }])
  assert.strictEqual(huge.status, "RESOURCE_EXHAUSTED")
  assert.deepStrictEqual(await client.collect("ListImage", {}), [])

  for (const [version, bytes] of Object.entries(images)) {
    const answer = await client.upload(version === "2" ? "alias" : "service", version, bytes)
    assert.strictEqual(answer.status, "OK", answer.details)
  }
  const rows = await client.collect("ListImage", {})
  assert.sameMembers(rows.map((row) => row.tag), ["1", "2,2", "bad"])
  for (const row of rows) assert.match(row.imageName, /^localhost\/(service|alias)$/)
}

const life = async (client: TestClient): Promise<void> => {
  const request = (instanceName: string, tag = "1", more = {}) => ({
    imageName: "service",
    tag,
    instanceName,
    network: "host",
    ...more
  })
  const listed = async (all: boolean) =>
    (await client.collect("ListContainer", { all })).map((row) => `${row.name} ${row.status} ${row.imageName}`).sort()

  // Starts that are refused, and one that leaves a created container behind.
  assert.strictEqual(await client.status("StartContainer", request("a", "9")), "NOT_FOUND")
  assert.strictEqual(await client.status("StartContainer", request("a", "1", { cmd: "'" })), "INVALID_ARGUMENT")
  const nobody = { runAs: { user: "", group: "" } }
  assert.strictEqual(await client.status("StartContainer", request("a", "1", nobody)), "FAILED_PRECONDITION")
  assert.strictEqual(await client.status("StartContainer", request("b", "bad")), "INTERNAL")
  assert.strictEqual(await client.status("StartContainer", request("b")), "ALREADY_EXISTS")
  assert.deepStrictEqual(await listed(true), ["/b UNSPECIFIED localhost/service:bad"])
  assert.deepStrictEqual(await listed(false), [])
  assert.strictEqual(await client.status("RemoveContainer", { name: "b" }), "OK")

  // One that runs, with labels, environment and a volume.
  const more = { labels: { tenant: "t" }, environment: { A: "b c" }, volumes: [{ name: "data", mountPoint: "/data" }] }
  assert.strictEqual(await client.status("StartContainer", request("a", "1", more), 30_000), "OK")
  assert.strictEqual(await client.status("StartContainer", request("a")), "ALREADY_EXISTS")
  assert.deepStrictEqual(await listed(false), ["/a RUNNING localhost/service:1"])
  assert.deepInclude((await client.collect("ListContainer", {}))[0]?.labels, { tenant: "t" })
  assert.deepStrictEqual((await client.collect("ListVolume", {})).map((row) => row.name), ["data"])
  assert.strictEqual(await client.status("RemoveContainer", { name: "a" }), "FAILED_PRECONDITION")
  assert.strictEqual(await client.status("RemoveContainer", { name: "/a" }), "INVALID_ARGUMENT")
  assert.strictEqual(await client.status("RemoveImage", { name: "service", tag: "1" }), "FAILED_PRECONDITION")
  const forced = { name: "service", tag: "1", force: true }
  assert.strictEqual(await client.status("RemoveImage", forced), "FAILED_PRECONDITION")

  // Its log, without stream headers, and followed to its end.
  const followed = new Promise<string>((resolve) => {
    let text = ""
    const stream = client.raw("Log", { instanceName: "a", follow: true })
    stream.on("data", ({ msg }) => {
      text += msg
    })
    stream.on("error", (error) => resolve(`${text} ${error.message}`))
    stream.on("end", () => resolve(text))
  })
  const text = (await client.collect("Log", { instanceName: "a" })).map((row) => row.msg).join("")
  assert.sameMembers(text.trim().split("\n"), ["version 1", "grüße"])
  const unknown = await client.collect("Log", { instanceName: "nobody" }).catch((error: { code: number }) => error.code)
  assert.strictEqual(unknown, 2)

  // Another version in its place, then one that cannot start and does not get it.
  const update = (imageTag: string) => ({ instanceName: "a", imageName: "service", imageTag })
  assert.strictEqual(await client.status("UpdateContainer", update("9")), "NOT_FOUND")
  assert.strictEqual(await client.status("UpdateContainer", update("2"), 40_000), "OK")
  assert.deepStrictEqual(await listed(true), ["/a RUNNING localhost/service:2"])
  assert.include(await followed, "version 1")
  const failed = await client.unary("UpdateContainer", update("bad"), 40_000).catch((error: Error) => error.message)
  assert.match(String(failed), /INTERNAL.*; restored$/)
  assert.deepStrictEqual(await listed(true), ["/a RUNNING localhost/service:2"])

  // Stopped twice, removed twice.
  assert.strictEqual(await client.status("StopContainer", { instanceName: "a" }, 30_000), "OK")
  assert.strictEqual(await client.status("StopContainer", { instanceName: "a" }), "NOT_FOUND")
  assert.deepStrictEqual(await listed(true), ["/a STOPPED localhost/service:2"])
  assert.strictEqual(await client.status("RemoveContainer", { name: "a" }), "OK")
  assert.strictEqual(await client.status("RemoveContainer", { name: "a" }), "NOT_FOUND")
  assert.strictEqual(await client.status("RemoveImage", { name: "service", tag: "1" }), "OK")
  assert.strictEqual(await client.status("RemoveImage", { name: "service", tag: "1" }), "NOT_FOUND")
  assert.strictEqual(await client.status("RemoveVolume", { name: "data" }), "OK")
}
