/** npu-sim in this process, on ports that the system picks. */
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

import { serve as serveAdmin } from "../../../layers/npu-sim/admin/server.ts"
import type { EngineOptions } from "../../../layers/npu-sim/engine/core.ts"
import * as EngineClock from "../../../layers/npu-sim/engine-clock.ts"
import * as Journal from "../../../layers/npu-sim/journal.ts"
import * as MemoryBackend from "../../../layers/npu-sim/memory-backend.ts"
import * as Ports from "../../../layers/npu-sim/probes/ports.ts"
import { serve, type ServeOptions } from "../../../layers/npu-sim/server/serve.ts"
import { Catalogue } from "../../../src/model/catalogue.ts"
import { packArchive } from "../../unit/npu-sim/archive.ts"
import { connect, type TestClient } from "./client.ts"

/** A port that nothing listens on now. */
export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "npu-sim-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** database with a redis probe, gnmi with tcp, ha with grpc; each on a port of its own. */
export const catalogueOf = (ports: readonly [number, number, number]) =>
  Schema.decodeUnknownSync(Catalogue)({
    services: (["redis", "tcp", "grpc"] as const).map((kind, index) => ({
      name: kind,
      image: "service",
      container: `${kind}{dpu}`,
      // One port, whatever the DPU, could not be: the number is added to it.
      probe: { kind, port: `${ports[index]}+N` }
    }))
  })

export interface WorldOptions {
  readonly engine?: Parameters<typeof EngineClock.make>[0]
  readonly server?: Partial<ServeOptions>
}

export const world = (options: WorldOptions = {}) =>
  Effect.gen(function*() {
    const path = yield* folder
    const ports = yield* Effect.promise(() => Promise.all([freePort(), freePort(), freePort()]))
    const probes = Either.getOrThrow(Ports.probesOf(catalogueOf(ports)))
    const engineOptions: Omit<EngineOptions, "now"> = { stopMillis: 5, ...options.engine }
    const engine = yield* EngineClock.make({ ...engineOptions, listensOn: (name) => probes.get(name)?.port })
    const services = yield* Ports.make(engine, "127.0.0.1", probes)
    const journalPath = join(path, "journal.jsonl")
    const server = yield* serve({
      host: "127.0.0.1",
      port: 0,
      backend: services.around(MemoryBackend.make(engine)),
      journal: yield* Journal.open(journalPath),
      ...options.server
    })
    const adminPath = join(path, "admin.sock")
    yield* serveAdmin(adminPath, { server, engine, settled: services.settled })
    const client = yield* connected(server.listener.port)
    return {
      engine,
      server,
      client,
      adminPath,
      journal: () => Journal.read(journalPath),
      ports: { redis: ports[0], tcp: ports[1], grpc: ports[2] }
    }
  })

export const connected = (port: number) =>
  Effect.acquireRelease(Effect.sync(() => connect(port)), (client) => Effect.sync(client.close))

/** Loads `service:1`, whose containers behave as told. */
export const load = (client: TestClient, behaviour = "", name = "service:1") =>
  Effect.gen(function*() {
    const labels = { "offloader.sim.behaviour": behaviour }
    const archive = yield* Effect.promise(() => packArchive({ name, labels }))
    const [repository = "", tag = ""] = name.split(":")
    return yield* Effect.promise(() => client.upload(repository, tag, archive.bytes))
  })

export const service = (instanceName: string, tag = "1") => ({ imageName: "service", tag, instanceName })
