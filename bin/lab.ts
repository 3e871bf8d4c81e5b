/**
 * A small switch on one machine: image archives, an npu-sim, an offloadd; every
 * file in one temporary folder, every port free when it was looked for. The
 * demonstration and the tests of whole processes are built from it.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

import * as ControlClient from "../layers/control/client.ts"
import { type ImageContent, type PackError, packTo } from "../layers/images/pack.ts"
import { type ProcessError, type ProcessOptions, type RunningProcess, start } from "../layers/lab/process.ts"
import { type ControlClientShape, make } from "../src/cli/control-client.ts"
import type { ContainerList } from "../src/control/views.ts"
import { builtIn, type Catalogue, type CatalogueEntry, type ContainerSpec, resolve } from "../src/model/catalogue.ts"

/** One DPU of the switch, and the NPU that it shares with others. */
export interface Lab {
  /** The DPU's number. */
  readonly dpu: number
  readonly folder: string
  readonly images: string
  readonly state: string
  readonly socket: string
  readonly admin: string
  readonly journal: string
  readonly versionFile: string
  readonly catalogue: Catalogue
  readonly catalogueFile: string
  readonly containers: ReadonlyArray<ContainerSpec>
  /** The folder of the built binaries. */
  readonly dist: string
}

/** A temporary folder with what a DPU has, for DPU 0; removed at the end of the scope. */
export const makeLab = (dist: string): Effect.Effect<Lab, never, Scope.Scope> =>
  Effect.gen(function*() {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "offloader-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
    )
    const base = yield* freeBlock
    const services = builtIn.services.map((entry, index): CatalogueEntry => ({
      ...entry,
      probe: { kind: entry.probe?.kind ?? "tcp", port: `${base + 10 * index}+N` }
    }))
    const catalogue: Catalogue = { portShift: 0, services: [services[0]!, ...services.slice(1)] }
    return layOut(dist, folder, catalogue)
  })

/** The files of DPU 0 and of the NPU, in this folder. */
export const layOut = (dist: string, folder: string, catalogue: Catalogue): Lab => {
  const lab: Lab = {
    dpu: 0,
    folder,
    images: join(folder, "images"),
    state: join(folder, "state"),
    socket: join(folder, "offloadd.sock"),
    admin: join(folder, "npu-sim.sock"),
    journal: join(folder, "npu-sim.jsonl"),
    versionFile: join(folder, "sonic_version.yml"),
    catalogue,
    catalogueFile: join(folder, "catalogue.json"),
    containers: Either.getOrThrow(resolve(catalogue, 0)),
    dist
  }
  mkdirSync(lab.images)
  writeFileSync(lab.catalogueFile, `${JSON.stringify(catalogue, null, 2)}\n`)
  return lab
}

/** Another DPU on the same NPU: it has the same images, and the rest in a folder of its own. */
export const neighbour = (lab: Lab, dpu: number): Lab => {
  const folder = join(lab.folder, `dpu${dpu}`)
  mkdirSync(folder)
  return {
    ...lab,
    dpu,
    folder,
    state: join(folder, "state"),
    socket: join(folder, "offloadd.sock"),
    versionFile: join(folder, "sonic_version.yml"),
    containers: Either.getOrThrow(resolve(lab.catalogue, dpu))
  }
}

/** What a service's image holds besides its name. */
export type Contents = (spec: ContainerSpec, version: string) => Omit<ImageContent, "names">

/** Enough for npu-sim's memory: a file that tells versions apart. */
const tiny: Contents = (spec, version) => ({ files: { "/version": `${spec.service} ${version}\n` }, cmd: ["/version"] })

/** A container that runs: it answers every line with +PONG on the port that its catalogue entry's probe names. */
export const answering: Contents = (spec, version) => ({
  files: {
    "/bin/busybox": readFileSync("/bin/busybox"),
    "/version": `${spec.service} ${version}\n`,
    "/answer": "#!/bin/busybox sh\nwhile read line; do printf '+PONG\\r\\n'; done\n",
    // The first process of a container hears no SIGTERM but one that it asks for.
    "/serve": "#!/bin/busybox sh\ntrap 'exit 0' TERM\necho serving on $PORT\n"
      + "/bin/busybox nc -ll -p $PORT -e /answer &\nwait\n"
  },
  entrypoint: ["/serve"]
})

/** Packs an archive of each service at this version into the images folder. */
export const packImages = (lab: Lab, version: string, contents: Contents = tiny): Effect.Effect<void, PackError> =>
  Effect.forEach(
    lab.containers,
    (spec) =>
      packTo(join(lab.images, `${spec.repository}-${version}.tar`), {
        names: [`${spec.repository}:${version}`],
        ...contents(spec, version)
      }),
    { discard: true }
  )

/** Makes the DPU run this SONiC version. */
export const setVersion = (lab: Lab, version: string): Effect.Effect<void> =>
  Effect.sync(() => writeFileSync(lab.versionFile, `build_version: '${version}'\n`))

const environment = (): Record<string, string> => ({ PATH: process.env["PATH"] ?? "", NO_COLOR: "1" })

const binary = (lab: Lab, name: string, args: ReadonlyArray<string>, options: ProcessOptions) =>
  // By its first line, which has the flags that it runs with on a switch.
  start(join(lab.dist, `${name}.cjs`), args, {
    ...options,
    env: { ...environment(), ...options.env }
  })

export interface NpuSim {
  readonly process: RunningProcess
  /** `127.0.0.1:PORT`. */
  readonly endpoint: string
}

/** Starts npu-sim and waits until it listens; `listen` picks up an earlier one's address. */
export const startNpuSim = (
  lab: Lab,
  args: ReadonlyArray<string> = [],
  options: ProcessOptions & { readonly listen?: string } = {}
): Effect.Effect<NpuSim, ProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const process = yield* binary(lab, "npu-sim", [
      ...["--listen", options.listen ?? "127.0.0.1:0", "--admin", lab.admin, "--journal", lab.journal],
      ...["--catalogue", lab.catalogueFile, ...args]
    ], options)
    const [, endpoint] = yield* process.line(/^listening on (\S+)$/)
    return { process, endpoint: endpoint ?? "" }
  })

/** Starts offloadd against that NPU. */
export const startDaemon = (
  lab: Lab,
  endpoint: string,
  args: ReadonlyArray<string> = [],
  options: ProcessOptions = {}
): Effect.Effect<RunningProcess, ProcessError, Scope.Scope> =>
  binary(lab, "offloadd", [
    ...Object.entries(daemonOptions(lab, endpoint)).flatMap(([name, value]) => [`--${name}`, value]),
    ...args
  ], options)

/** What a lab's offloadd is told, by the names of its options. */
const daemonOptions = (lab: Lab, endpoint: string): Readonly<Record<string, string>> => ({
  npu: endpoint,
  dpu: `dpu${lab.dpu}`,
  "version-file": lab.versionFile,
  "images-dir": lab.images,
  "state-dir": lab.state,
  socket: lab.socket,
  catalogue: lab.catalogueFile
})

/** Writes the same as variables for a shell to read, so that offloadctl finds this lab's daemon, and its doctor the rest. */
export const writeEnvironment = (lab: Lab, endpoint: string): Effect.Effect<string> =>
  Effect.sync(() => {
    const path = join(lab.folder, "environment")
    const lines = Object.entries(daemonOptions(lab, endpoint)).map(([name, value]) =>
      `export OFFLOADER_${name.toUpperCase().replaceAll("-", "_")}=${value}\n`
    )
    writeFileSync(path, lines.join(""))
    return path
  })

/** The daemon's control API. */
export const control = (lab: Lab): ControlClientShape => make(ControlClient.exchange(lab.socket))

/** Something did not come about in time; `message` says what, and what was there instead. */
export class Waited extends Data.TaggedError("Waited")<{ readonly message: string }> {}

/** Waits until the list that the daemon shows satisfies; fails with the last one seen. */
export const until = (
  lab: Lab,
  what: string,
  holds: (list: ContainerList) => boolean,
  limit: `${number} seconds` = "60 seconds"
): Effect.Effect<ContainerList, Waited> => {
  let last = "the daemon never answered"
  return control(lab).list.pipe(
    Effect.tap((list) => Effect.sync(() => last = JSON.stringify(list, null, 1))),
    Effect.mapError(({ message }) => new Waited({ message })),
    Effect.filterOrFail(holds, () => new Waited({ message: what })),
    Effect.retry(Schedule.spaced("30 millis")),
    Effect.timeoutFail({
      duration: limit,
      onTimeout: () => new Waited({ message: `dpu${lab.dpu}: ${what}: not within ${limit}; last: ${last}` })
    })
  )
}

/** Runs offloadctl to its end. */
export const offloadctl = (
  lab: Lab,
  args: ReadonlyArray<string>
): Effect.Effect<{ readonly code: number | NodeJS.Signals; readonly output: string }, ProcessError> =>
  Effect.scoped(Effect.gen(function*() {
    const process = yield* binary(lab, "offloadctl", ["--socket", lab.socket, ...args], {})
    return { code: yield* process.exit, output: process.output() }
  }))

/** The first port of thirty that are free now, below those that the system hands out by itself. */
const freeBlock: Effect.Effect<number> = Effect.suspend(() => {
  const base = 10_000 + 30 * Math.floor(Math.random() * 700)
  const ports = [base, base + 10, base + 20]
  return Effect.flatMap(Effect.forEach(ports, isFree), (free) => free.every(Boolean) ? Effect.succeed(base) : freeBlock)
})

/** A port that is free now. */
export const freePort: Effect.Effect<number> = Effect.async((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

const isFree = (port: number): Effect.Effect<boolean> =>
  Effect.async((resume) => {
    const server = createServer()
    server.once("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })
