/** The DPU's container engine as a source of images, before an engine of the test's own. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs"
import { createServer, type ServerResponse } from "node:http"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HashMap from "effect/HashMap"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"

import { pack, packTo } from "../../../layers/images/pack.ts"
import { layerSources } from "../../../layers/images/sources.ts"
import { clean, spool } from "../../../layers/images/spool.ts"
import { syncFolder } from "../../../layers/state/sync-folder.ts"
import { type ImageArchive, ImageSource, type ImageSourceService } from "../../../src/npu/image-source.ts"
import { content, temporaryFolder } from "./support.ts"

interface Held {
  readonly Id: string
  readonly RepoTags: ReadonlyArray<string> | null
  readonly Labels?: Readonly<Record<string, string>>
  readonly Size: number
  readonly Architecture?: string
  readonly save?: (response: ServerResponse) => void
}

/** Answers the three requests that are asked of an engine. */
const startEngine = (socketPath: string, images: ReadonlyArray<Held>) =>
  Effect.acquireRelease(
    Effect.async<{ readonly asked: Array<string>; readonly close: () => void }>((resume) => {
      const asked: Array<string> = []
      const server = createServer((request, response) => {
        const path = decodeURIComponent(request.url ?? "")
        asked.push(path)
        const [, name, what] = /^\/images\/(.+)\/(json|get)$/.exec(path) ?? []
        const image = images.find(({ Id, RepoTags }) => Id === name || RepoTags?.includes(name ?? ""))
        if (path === "/images/json") response.end(JSON.stringify(images))
        else if (image === undefined) response.writeHead(404).end("{\"message\":\"no such image\"}")
        else if (what === "json") response.end(JSON.stringify({ Architecture: image.Architecture }))
        else image.save?.(response)
      })
      const close = () => {
        server.closeAllConnections()
        server.close()
      }
      server.listen(socketPath, () => resume(Effect.succeed({ asked, close })))
    }),
    ({ close }) => Effect.sync(close)
  )

const wanted = { repository: "docker-database", tag: "20260201.2" }

interface Place {
  readonly images: string
  readonly socketPath: string
  readonly spoolDirectory: string
}

const place = Effect.map(temporaryFolder, (folder): Place => {
  mkdirSync(join(folder, "images"))
  return {
    images: join(folder, "images"),
    socketPath: join(folder, "engine.sock"),
    spoolDirectory: join(folder, "spool")
  }
})

const withSources = <A, E>(
  { images, socketPath, spoolDirectory }: Place,
  use: (source: ImageSourceService) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, E> =>
  Effect.scoped(
    Effect.provide(
      Effect.flatMap(ImageSource, use),
      layerSources({
        directory: images,
        kept: { directory: join(images, "../archives"), sync: syncFolder },
        engine: { socketPath, spoolDirectory }
      })
    )
  )

const readAll = (archive: ImageArchive) =>
  Effect.scoped(Effect.flatMap(archive.bytes.open, (reader) =>
    Effect.promise(async () => {
      const pieces: Array<Buffer> = []
      for (let piece = await reader.read(1000); piece !== undefined; piece = await reader.read(1000)) {
        pieces.push(Buffer.from(piece))
      }
      return Buffer.concat(pieces)
    })))

describe("the container engine as a source", () => {
  it.scoped("gives what the folder does not have, by its version's tag", () =>
    Effect.gen(function*() {
      const where = yield* place
      const { bytes, configDigest } = yield* pack(content("docker-database:20260201.2"))
      const engine = yield* startEngine(where.socketPath, [
        {
          Id: configDigest,
          RepoTags: ["docker-database:latest", "docker-database:20260201.2"],
          Size: bytes.length,
          save: (response) => response.end(bytes)
        },
        { Id: `sha256:${"1".repeat(64)}`, RepoTags: null, Size: 1 }
      ])
      yield* withSources(where, (source) =>
        Effect.gen(function*() {
          const archive = yield* Effect.scoped(Effect.gen(function*() {
            const found = yield* source.find(wanted)
            assert.deepStrictEqual(readdirSync(where.spoolDirectory), [], "it has no name on the disk while it is used")
            assert.isTrue((yield* readAll(found)).equals(bytes))
            assert.isTrue((yield* readAll(found)).equals(bytes), "as often as it takes")
            return found
          }))
          assert.deepStrictEqual([archive.configDigest, archive.architecture], [configDigest, "arm64"])
          assert.strictEqual((yield* Effect.flip(readAll(archive)))._tag, "ByteSourceError", "it went with its scope")
          yield* packTo(join(where.images, "a.tar"), content("docker-database:20260201.2"))
          engine.asked.length = 0
          assert.strictEqual((yield* source.find(wanted)).path, join(where.images, "a.tar"))
          assert.deepStrictEqual(engine.asked, [], "the folder comes first")
        }))
    }))

  for (const format of ["docker", "oci"] as const) {
    it.scoped(`gives an image that only its label names the name of its version (${format})`, () =>
      Effect.gen(function*() {
        const where = yield* place
        const { bytes, configDigest } = yield* pack(content("docker-database:latest"), { format })
        yield* startEngine(where.socketPath, [
          {
            Id: configDigest,
            RepoTags: ["docker-database:latest"],
            Labels: { Tag: "20260201.2" },
            Size: bytes.length,
            save: (response) => response.end(bytes)
          },
          { Id: "other", RepoTags: ["docker-dash-ha:latest"], Labels: { Tag: "20260201.2" }, Size: 1 }
        ])
        const found = yield* withSources(where, (source) => source.find(wanted))
        assert.deepStrictEqual([found.names, found.configDigest], [[wanted], configDigest])
      }))
  }

  it.scoped("says what both have where neither has it, and does without an engine", () =>
    Effect.gen(function*() {
      const where = yield* place
      yield* packTo(join(where.images, "a.tar"), content("docker-database:1"))
      const reason = withSources(where, (source) =>
        Effect.map(Effect.flip(source.find(wanted)), ({ message }) => message))
      assert.strictEqual(
        yield* reason,
        `no archive in ${where.images} holds docker-database:20260201.2; it has docker-database:1`
      )
      yield* startEngine(where.socketPath, [{ Id: "x", RepoTags: ["docker-database:2", "docker-ha:2"], Size: 1 }])
      assert.include(yield* reason, `${where.images} or the container engine at ${where.socketPath} holds`)
      assert.match(yield* reason, /it has docker-database:1, docker-database:2, docker-ha:2$/)
    }))

  const failing: ReadonlyArray<readonly [string, Partial<Held>, RegExp]> = [
    ["an archive that breaks off", {
      save: (response) => {
        response.writeHead(200, { "content-length": 5000 })
        response.write(Buffer.alloc(1000), () => response.destroy())
      }
    }, /laid out on the disk: aborted/],
    ["an archive that ends early", { save: (response) => response.end(Buffer.alloc(1000, 65)) }, /not a tar archive/],
    ["an engine that will not", {
      save: (response) => response.writeHead(500).end("{\"message\":\"layer is corrupt\"}")
    }, /it answers 500: .*layer is corrupt/],
    ["an image beyond all bounds", { Size: 2 ** 40 }, /at most 8589934592 are laid out/]
  ]
  for (const [what, held, reason] of failing) {
    it.scoped(`refuses ${what}`, () =>
      Effect.gen(function*() {
        const where = yield* place
        yield* startEngine(where.socketPath, [{ Id: "x", RepoTags: ["docker-database:20260201.2"], Size: 1, ...held }])
        const error = yield* withSources(where, (source) => Effect.flip(source.find(wanted)))
        assert.strictEqual(error._tag, "ArchiveRejected")
        assert.match(error.message, reason)
        if (existsSync(where.spoolDirectory)) assert.deepStrictEqual(readdirSync(where.spoolDirectory), [])
      }))
  }

  it.scoped("refuses two images of one version", () =>
    Effect.gen(function*() {
      const where = yield* place
      yield* startEngine(
        where.socketPath,
        ["x", "y"].map((Id) => ({
          Id,
          RepoTags: [`host${Id}/docker-database:1`, "docker-database:latest"],
          Labels: { Tag: "20260201.2" },
          Size: 1
        }))
      )
      const error = yield* withSources(where, (source) => Effect.flip(source.find(wanted)))
      assert.match(error.message, /two images there are of that version \(x, y\)/)
    }))

  it.scoped("breaks off when nobody wants it any more", () =>
    Effect.gen(function*() {
      const where = yield* place
      const broken = yield* Effect.makeLatch()
      const begun = yield* Effect.makeLatch()
      yield* startEngine(where.socketPath, [{
        Id: "x",
        RepoTags: ["docker-database:20260201.2"],
        Size: 1,
        save: (response) => {
          response.on("close", () => Effect.runSync(broken.open))
          response.write(Buffer.alloc(1000), () => Effect.runSync(begun.open))
        }
      }])
      const searching = yield* Effect.fork(withSources(where, (source) => source.find(wanted)))
      yield* begun.await
      yield* Fiber.interrupt(searching)
      yield* broken.await
      assert.deepStrictEqual(readdirSync(where.spoolDirectory), [])
    }))

  it.scoped("knows an image's architecture by its id", () =>
    Effect.gen(function*() {
      const where = yield* place
      const id = "0123456789abcdef".repeat(4)
      yield* startEngine(where.socketPath, [{ Id: `sha256:${id}`, RepoTags: ["a:1"], Size: 1, Architecture: "amd64" }])
      const known = (shown: string) => withSources(where, (source) => source.architectureOf(shown))
      assert.strictEqual(yield* known(id.slice(0, 12)), "amd64")
      assert.isUndefined(yield* known("ffffffffffff"))
    }))
})

describe("the spool", () => {
  it.scoped("is cleared at the start", () =>
    Effect.gen(function*() {
      const where = yield* place
      mkdirSync(where.spoolDirectory)
      writeFileSync(join(where.spoolDirectory, "image-1.tar"), "left behind")
      yield* withSources(where, () => Effect.void)
      assert.isFalse(existsSync(where.spoolDirectory))
    }))

  it.scoped("says by what it cannot be cleared", () =>
    Effect.gen(function*() {
      const where = yield* place
      const file = join(where.images, "file")
      writeFileSync(file, "")
      const said: Array<string> = []
      const noting = Logger.make(({ annotations, message }) =>
        void said.push(`${String(message)}: ${String(Option.getOrUndefined(HashMap.get(annotations, "reason")))}`)
      )
      yield* clean(join(file, "spool")).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, noting)))
      assert.lengthOf(said, 1)
      assert.match(said[0]!, /^the spool folder cannot be removed: ENOTDIR: not a directory, .*file.spool/)
    }))

  it.scoped("leaves room on the disk", () =>
    Effect.gen(function*() {
      const directory = join(yield* temporaryFolder, "spool")
      const error = yield* Effect.flip(
        spool({ directory, largest: 1000, keepFree: 2 ** 50 }, 500, Effect.die("nobody is to ask"))
      )
      assert.match(error.reason, /it needs 500 bytes of room .* and 1125899906842624 are to stay free; there are \d+/)
      const bytes = async function*() {
        yield Buffer.alloc(600)
        yield Buffer.alloc(600)
      }
      assert.match(
        (yield* Effect.flip(spool({ directory, largest: 1000, keepFree: 0 }, 500, Effect.sync(bytes)))).reason,
        /more than 1000 bytes/
      )
      assert.deepStrictEqual(readdirSync(directory), [])
    }))

  it.scoped("leaves nothing behind a process that is killed", () =>
    Effect.gen(function*() {
      const directory = join(yield* temporaryFolder, "spool")
      const script = `
        import * as Effect from "effect/Effect"
        import { spool } from ${JSON.stringify(join(import.meta.dirname, "../../../layers/images/spool.ts"))}
        const bytes = async function*() {
          yield Buffer.alloc(100_000)
          console.log("written")
          await new Promise(() => setInterval(() => {}, 1000))
        }
        await Effect.runPromise(Effect.scoped(
          spool({ directory: ${JSON.stringify(directory)}, largest: 1e6, keepFree: 0 }, 1, Effect.sync(bytes))
        ))`
      const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
        cwd: join(import.meta.dirname, "../../.."),
        stdio: ["ignore", "pipe", "inherit"]
      })
      yield* Effect.addFinalizer(() => Effect.sync(() => child.kill("SIGKILL")))
      yield* Effect.promise(() => once(child.stdout, "data"))
      const ended = once(child, "exit")
      child.kill("SIGKILL")
      yield* Effect.promise(() => ended)
      assert.deepStrictEqual(readdirSync(directory), [])
    }))
})
