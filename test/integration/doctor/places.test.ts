/** Images, state folder, control socket. */
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { createServer, type Socket } from "node:net"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { askWho } from "../../../layers/control/client.ts"
import { images } from "../../../layers/doctor/images.ts"
import { socket } from "../../../layers/doctor/socket.ts"
import { stateFolder } from "../../../layers/doctor/state-folder.ts"
import { layerFolder } from "../../../layers/images/folder.ts"
import { packTo } from "../../../layers/images/pack.ts"
import { holderOf, lockFolder } from "../../../layers/state/folder-lock.ts"
import { ImageSource } from "../../../src/npu/image-source.ts"
import type { ImageRow } from "../../../src/npu/rows.ts"
import { version } from "../../unit/cli/views.ts"
import { folder, found } from "./support.ts"

const image = { repository: "docker-database", tag: "1.0" }
const held: ReadonlyArray<ImageRow> = [{ id: "ab".repeat(32), repository: "docker-database", tags: ["1.0"] }]

describe("images", () => {
  const asked = (directory: string, onNpu: ReadonlyArray<ImageRow> | string, engineSocket?: string) =>
    Effect.gen(function*() {
      const source = yield* Effect.provide(ImageSource, layerFolder({ directory }))
      const [finding] = yield* images({ images: [image], source, directory, engineSocket, onNpu })
      return finding!
    })

  it.scopedLive("are looked for in the folder and on the NPU", () =>
    Effect.gen(function*() {
      const path = yield* folder
      found(yield* asked(path, []), "failure", /not on the NPU; no archive in .* holds docker-database:1\.0/)
      found(yield* asked(path, "the NPU could not be asked"), "failure", /the NPU could not be asked/)
      found(yield* asked(path, held), "warning", /on the NPU; no archive/)
      writeFileSync(join(path, "engine.sock"), "")
      found(yield* asked(path, [], join(path, "engine.sock")), "warning", /offloadd looks in the engine/)
      yield* packTo(join(path, "a.tar"), { names: ["docker-database:1.0"], files: { "/x": "x" }, cmd: ["/x"] })
      found(yield* asked(path, []), "ok", /not on the NPU, and in .*a\.tar/)
      found(yield* asked(join(path, "nowhere"), []), "failure", /nowhere/)
    }))
})

describe("the state folder", () => {
  it.scopedLive("can be written, has room, and may have a holder", () =>
    Effect.gen(function*() {
      const path = yield* folder
      found(yield* stateFolder(path, holderOf), "ok", /can be written, \d+ MiB are free$/)
      found(yield* stateFolder(join(path, "a/b"), holderOf), "ok", /is made at the first start/)
      yield* lockFolder(path)
      found(yield* stateFolder(path, holderOf), "ok", new RegExp(`process ${process.pid} has it`))
    }))

  it.scopedLive("is no file, and on no file system without room", () =>
    Effect.gen(function*() {
      const path = yield* folder
      writeFileSync(join(path, "file"), "")
      found(yield* stateFolder(join(path, "file"), holderOf), "failure", /is no folder/)
      // A file system that has no room for anybody.
      found(yield* stateFolder("/proc/self", holderOf), "failure", /full|may not be written/)
      symlinkSync("loop", join(path, "loop"))
      found(yield* stateFolder(join(path, "loop"), holderOf), "failure", /cannot be looked at \(ELOOP\)/)
      const long = join(path, "x".repeat(5000))
      found(yield* stateFolder(long, holderOf), "failure", /cannot be looked at \(ENAMETOOLONG\)/)
    }))

  it.scopedLive("may have a lock that this user cannot read", () =>
    Effect.gen(function*() {
      const path = yield* folder
      // Root reads all; a folder in the lock's place is what nobody reads.
      mkdirSync(join(path, "lock"))
      found(yield* stateFolder(path, holderOf), "warning", /its lock cannot be read \(EISDIR\)/)
    }))
})

describe("the control socket", () => {
  const listening = (path: string, answer: (client: Socket) => void) =>
    Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((client) => client.on("error", () => {}).once("data", () => answer(client)))
        server.listen(path, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )

  const says = (client: Socket) =>
    void client.end(`HTTP/1.1 200 OK\r\n\r\n${JSON.stringify({ ...version(), daemon: "1.2.3", pid: 4711 })}`)

  it.scopedLive("is a daemon's, a dead one's, everybody's, or none", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const at = (name: string) => join(path, name)
      found(yield* socket(at("none"), askWho), "warning", /offloadd does not run/)
      found(yield* socket(at("nowhere/none"), askWho), "warning", /nowhere is not there/)
      writeFileSync(at("file"), "")
      found(yield* socket(at("file"), askWho), "failure", /is no socket/)
      mkdirSync(at("folder"))
      found(yield* socket(at("folder"), askWho), "failure", /is no socket/)
      symlinkSync("loop", at("loop"))
      found(yield* socket(at("loop/socket"), askWho), "failure", /cannot be looked at \(ELOOP\)/)
      found(yield* socket(at("x".repeat(5000)), askWho), "failure", /cannot be looked at \(ENAMETOOLONG\)/)
      const server = yield* listening(at("alive"), says)
      chmodSync(at("alive"), 0o660)
      found(yield* socket(at("alive"), askWho), "ok", /a daemon answers .*\(mode 0660\): version 1\.2\.3, pid 4711/)
      chmodSync(at("alive"), 0o666)
      found(yield* socket(at("alive"), askWho), "warning", /everybody may use/)
      linkSync(at("alive"), at("dead"))
      yield* Effect.async<void>((resume) => void server.close(() => resume(Effect.void)))
      found(yield* socket(at("dead"), askWho), "failure", /left of a daemon that is dead/)
    }))

  it.scopedLive("may be taken and not answered", () =>
    Effect.gen(function*() {
      const path = yield* folder
      yield* listening(join(path, "stuck"), () => {})
      found(
        yield* socket(join(path, "stuck"), askWho),
        "failure",
        /does not say in time which daemon it is: it is stuck or overloaded/
      )
    }))

  it.scopedLive("may be answered on by what is no daemon, or one that is not understood", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const { pid: _, ...another } = version()
      const unknown = { _tag: "UnknownPath", message: "there is no such path" }
      const answers = [
        "220 mail.example ESMTP\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello",
        "HTTP/1.1 500 Oh\r\n\r\n",
        `HTTP/1.1 404 Oh\r\n\r\n${JSON.stringify(unknown)}`,
        `HTTP/1.1 200 OK\r\n\r\n${JSON.stringify(another)}`
      ]
      for (const [index, text] of answers.entries()) {
        const at = join(path, `other${index}`)
        yield* listening(at, (client) => void client.end(text))
        const finding = yield* socket(at, askWho)
        found(finding, "failure", /what answers on .* is not offloadd, or is of another version than offloadctl/)
        assert.match(finding.cure!, /ss -xlp/)
      }
    }))

  it.scopedLive("may be answered on by a daemon that failed, or is gone before it has answered", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const failed = { _tag: "InternalError", message: "offloadd failed inside" }
      yield* listening(
        join(path, "failed"),
        (client) => void client.end(`HTTP/1.1 500 Oh\r\n\r\n${JSON.stringify(failed)}`)
      )
      found(yield* socket(join(path, "failed"), askWho), "failure", /^offloadd failed inside$/)
      for (const [name, text] of [["gone", ""], ["mail", "220 mail.example ESMTP\r\n"]] as const) {
        yield* listening(join(path, name), (client) => void client.end(text))
        found(yield* socket(join(path, name), askWho), "failure", /broke off before it said which daemon it is/)
      }
    }))
})
