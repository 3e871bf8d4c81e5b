/**
 * A whole SmartSwitch on one machine: an NPU and up to eight DPUs in network
 * namespaces of their own, npu-sim on the one, an offloadd on each of the others,
 * mutual TLS between them. Real processes, real packets.
 */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"

import type { PackError } from "../../layers/images/pack.ts"
import { type Authority, makeAuthority, type Pair, valid, whyNoAuthority } from "../../layers/lab/certificates.ts"
import { makeFolder, mount } from "../../layers/lab/disk.ts"
import { type DpuStation, lay, type Midplane, whyNoMidplane } from "../../layers/lab/midplane.ts"
import { startPodman, whyNoPodman } from "../../layers/lab/podman.ts"
import { ProcessError, run } from "../../layers/lab/process.ts"
import { administer } from "../../layers/npu-sim/admin/client.ts"
import { builtIn } from "../../src/model/catalogue.ts"
import { answering, type Lab, layOut, neighbour, packImages, setVersion, startDaemon, startNpuSim } from "../lab.ts"
import * as Unit from "./unit.ts"

/** What runs the containers: npu-sim's memory, or podman. */
export type EngineName = "memory" | "podman"

export interface Dpu extends DpuStation {
  readonly name: string
  readonly lab: Lab
  readonly daemon: Unit.Unit
  /** Its pair of certificate and key. */
  readonly pair: Pair
  /** Where its daemon's wall clock is told to be, where that can be told. */
  readonly clock: string | undefined
}

export interface Npu {
  readonly address: string
  /** Of the gNOI server. */
  readonly port: number
  readonly pair: Pair
  /** npu-sim. */
  readonly server: Unit.Unit
  /** A verb of npu-sim's administrator. */
  readonly administer: (
    verb: string,
    args?: Readonly<Record<string, string | number>>
  ) => Effect.Effect<void, ProcessError>
  /** Ends a container's process. */
  readonly crash: (container: string) => Effect.Effect<void, ProcessError>
  /** The server ends; with memory it only goes away, since the containers would end with it. The result starts it again. */
  readonly takeDown: Effect.Effect<Effect.Effect<void, ProcessError>, ProcessError>
  /** Everything that ran is gone; the result starts it again. */
  readonly powerOff: Effect.Effect<Effect.Effect<void, ProcessError>, ProcessError>
}

export interface SmartSwitch {
  readonly folder: string
  readonly engine: EngineName
  readonly midplane: Midplane
  readonly authority: Authority
  readonly npu: Npu
  readonly dpus: ReadonlyArray<Dpu>
  /** Makes images of a version that none had before; the version. */
  readonly release: Effect.Effect<string, PackError>
}

/** Why there can be no switch here, or undefined where there can. */
export const whyNoSwitch = (engine: EngineName): Effect.Effect<string | undefined> =>
  Effect.gen(function*() {
    return (yield* whyNoMidplane()) ?? (yield* whyNoAuthority()) ?? (engine === "podman" ? whyNoPodman() : undefined)
  })

/** Why no DPU's clock can be moved here, or undefined where it can. */
export const whyNoClock = (): string | undefined =>
  faketime() === undefined ? "libfaketime is not installed (Debian: apt-get install faketime)" : undefined

export interface SwitchOptions {
  /** The folder of the built binaries. */
  readonly dist: string
  readonly engine: EngineName
  readonly dpus: number
  /** What the daemons' policy has otherwise than the built-in one. */
  readonly policy?: object
  /** Hears every line that a program prints. */
  readonly onLine?: (program: string, line: string) => void
}

/** The DPUs' daemons run when this is done; the services are coming up. */
export const makeSwitch = (
  options: SwitchOptions
): Effect.Effect<SmartSwitch, ProcessError | PackError, Scope.Scope> =>
  Effect.gen(function*() {
    const midplane = yield* lay(options.dpus)
    const folder = yield* makeFolder
    const authority = yield* makeAuthority(join(folder, "certificates"))
    const shared = layOut(options.dist, folder, builtIn)
    let releases = 0
    const release = Effect.suspend(() => {
      const version = `20260101.${releases += 1}`
      return Effect.as(packImages(shared, version, ...(options.engine === "podman" ? [answering] : [])), version)
    })
    const first = yield* release
    yield* Effect.sync(() => writeFileSync(policyFile(shared), JSON.stringify(options.policy ?? {})))
    const npu = yield* makeNpu(options.engine, shared, midplane, authority, hears(options, "npu-sim"))
    yield* npu.server.start
    const dpus = yield* Effect.forEach(midplane.dpus, (station) =>
      makeDpu(station, shared, npu, authority, hears(options, `dpu${station.number}`)))
    const programs = [
      ["npu-sim", npu.server],
      ...dpus.map(({ daemon, name }) =>
        [name, daemon] as const
      )
    ] as const
    yield* keepLogs(shared.journal, programs)
    yield* Effect.forEach(dpus, ({ daemon, lab }) => Effect.zipRight(setVersion(lab, first), daemon.start), {
      concurrency: "unbounded",
      discard: true
    })
    return { folder, engine: options.engine, midplane, authority, npu, dpus, release }
  })

const hears = ({ onLine }: SwitchOptions, program: string) => (line: string): void => onLine?.(program, line)

const policyFile = ({ folder }: Lab): string => join(folder, "policy.json")

const gnoiPort = 50_052

const makeNpu = (
  engine: EngineName,
  lab: Lab,
  midplane: Midplane,
  authority: Authority,
  hear: (line: string) => void
): Effect.Effect<Npu, ProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const { address, namespace } = midplane.npu
    const pair = yield* authority.issue("npu", address, valid)
    const podman = engine === "podman" ? yield* startPodman(lab.folder, { namespace }) : undefined
    const server = yield* Unit.make(hear, (onLine) =>
      Effect.map(
        startNpuSim(lab, [
          ...["--service-host", address, "--tls-cert", pair.certificate, "--tls-key", pair.key],
          ...["--tls-ca", authority.certificate],
          ...(podman === undefined ? [] : ["--engine", "docker", "--docker-socket", podman.socket])
        ], { namespace, listen: `${address}:${gnoiPort}`, onLine }),
        ({ process }) => process
      ))
    const command = (verb: string, args: Readonly<Record<string, string | number>> = {}) =>
      Effect.tryPromise({
        try: () => administer(lab.admin, verb, args),
        catch: (error) => new ProcessError({ message: `npu-sim would not ${verb}: ${String(error)}` })
      })
    return {
      address,
      port: gnoiPort,
      pair,
      server,
      administer: command,
      ...(podman === undefined
        ? {
          crash: (container) => command("crash", { container }),
          takeDown: Effect.as(command("go-away"), command("come-back")),
          powerOff: Effect.as(server.kill, server.start)
        }
        : {
          crash: (container) =>
            Effect.flatMap(
              podman.run("inspect", container, "--format", "{{.State.Pid}}"),
              (pid) => run("kill", ["-KILL", pid.trim()])
            ),
          takeDown: Effect.as(server.kill, server.start),
          powerOff: server.kill.pipe(
            Effect.zipRight(podman.run("rm", "--all", "--force", "--time", "0")),
            Effect.as(server.start)
          )
        })
    }
  })

const makeDpu = (
  station: DpuStation,
  shared: Lab,
  npu: Npu,
  authority: Authority,
  hear: (line: string) => void
): Effect.Effect<Dpu, ProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const name = `dpu${station.number}`
    const lab = neighbour(shared, station.number)
    const pair = yield* authority.issue(name, station.address, valid)
    // A disk of its own, small enough to be filled.
    yield* mount(lab.state, stateBytes)
    const library = faketime()
    const clock = library === undefined ? undefined : join(lab.folder, "clock")
    if (clock !== undefined) writeFileSync(clock, "+0\n")
    const daemon = yield* Unit.make(hear, (onLine) =>
      startDaemon(lab, `${npu.address}:${npu.port}`, [
        ...["--tls-ca", authority.certificate, "--tls-cert", pair.certificate, "--tls-key", pair.key],
        ...["--policy", policyFile(shared)]
      ], {
        namespace: station.namespace,
        onLine,
        env: library === undefined || clock === undefined ? {} : clockVariables(library, clock)
      }))
    return { ...station, name, lab, daemon, pair, clock }
  })

/** Room for what a daemon keeps, and little more; bytes. */
const stateBytes = 16 * 2 ** 20

/** Where libfaketime is, which shows a program another wall clock. */
const faketime = (): string | undefined => {
  const libraries = "/usr/lib"
  return readdirSync(libraries)
    .map((folder) => join(libraries, folder, "faketime", "libfaketime.so.1"))
    .find((path) => existsSync(path))
}

/** The wall clock alone is shown otherwise: not the monotonic one, and not when files were changed. */
const clockVariables = (library: string, file: string): Readonly<Record<string, string>> => ({
  LD_PRELOAD: library,
  FAKETIME_TIMESTAMP_FILE: file,
  FAKETIME_CACHE_DURATION: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
  DONT_FAKE_MONOTONIC: "1",
  NO_FAKE_STAT: "1"
})

/** Of a failure the logs are left, and what npu-sim received. */
const keepLogs = (
  journal: string,
  programs: ReadonlyArray<readonly [string, Unit.Unit]>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.addFinalizer((exit) =>
    Effect.sync(() => {
      if (Exit.isSuccess(exit) || Exit.isInterrupted(exit)) return
      const folder = mkdtempSync(join(tmpdir(), "offloader-logs-"))
      for (const [name, program] of programs) writeFileSync(join(folder, `${name}.log`), program.log())
      if (existsSync(journal)) copyFileSync(journal, join(folder, "npu-sim.jsonl"))
      process.stderr.write(`the logs of the switch are in ${folder}\n`)
    })
  )
