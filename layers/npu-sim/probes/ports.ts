/**
 * The ports of all containers of the in-memory engine: open while the container
 * runs, closed when it does not, answered as its probe mode says.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"

import { type Catalogue, type CatalogueError, type ProbeKind, resolve } from "../../../src/model/catalogue.ts"
import type { StartContainerRequest } from "../../../src/npu/messages.ts"
import type { Backend } from "../backend.ts"
import type { Engine } from "../engine/engine.ts"
import { type Refusal, refusal } from "../engine/reply.ts"
import { type OpenPort, openPort } from "./port.ts"

export interface Probe {
  readonly kind: ProbeKind
  readonly port: number
}

/** Container name → probe, for the containers of all eight DPUs. */
export const probesOf = (catalogue: Catalogue): Either.Either<ReadonlyMap<string, Probe>, CatalogueError> => {
  const probes = new Map<string, Probe>()
  for (let dpu = 0; dpu < 8; dpu++) {
    const specs = resolve(catalogue, dpu)
    if (Either.isLeft(specs)) return Either.left(specs.left)
    for (const spec of specs.right) if (spec.probe !== undefined) probes.set(spec.name, spec.probe)
  }
  return Either.right(probes)
}

export interface Ports {
  /** The backend, answering when the ports are as its answers say; a port taken outside is UNAVAILABLE. */
  readonly around: (backend: Backend) => Backend
  /** Done when every port is as the engine has it. */
  readonly settled: Effect.Effect<void>
}

/** Follows the engine until the scope closes, which closes all ports. */
export const make = (
  engine: Engine,
  host: string,
  probes: ReadonlyMap<string, Probe>
): Effect.Effect<Ports, never, Scope.Scope> =>
  Effect.gen(function*() {
    const workers = new Map<string, Worker>()
    for (const [name, probe] of probes) workers.set(name, new Worker(engine, name, host, probe))

    yield* Effect.acquireRelease(
      Effect.sync(() =>
        engine.subscribe(({ _tag, container }) => {
          if (_tag !== "Logged") workers.get(container.name)?.wake()
        })
      ),
      (stop) => Effect.sync(stop)
    )
    const all = (each: (worker: Worker) => Promise<void>): Effect.Effect<void> =>
      Effect.promise(() => Promise.all([...workers.values()].map(each)).then(() => undefined))
    yield* Effect.addFinalizer(() => all((worker) => worker.end()))
    const settled = all((worker) => worker.idle)

    const start = (
      backend: Backend,
      request: StartContainerRequest
    ): Effect.Effect<{ readonly startOk?: { readonly instanceName: string } }, Refusal> =>
      Effect.suspend(() => {
        const worker = workers.get(request.instanceName)
        const begin = backend.unary("StartContainer", request)
        if (worker === undefined || Either.isLeft(engine.checkStart(request))) return begin
        // The port is taken first, so that a start that cannot have it leaves nothing behind.
        return Effect.flatMap(
          Effect.promise(() => worker.claim()),
          (claimed) => claimed ? begin : Effect.fail(refusal("UNAVAILABLE", `port used: ${worker.probe.port}`))
        ).pipe(
          Effect.ensuring(Effect.promise(() => worker.release()))
        )
      })

    return {
      settled,
      around: (backend) => ({
        ...backend,
        unary: (method, request) =>
          Effect.ensuring(
            method === "StartContainer"
              ? start(backend, request as StartContainerRequest) as ReturnType<typeof backend.unary<typeof method>>
              : backend.unary(method, request),
            settled
          )
      })
    }
  })

/** Brings one port to what the engine says, one step after the other. */
class Worker {
  readonly probe: Probe
  /** Resolves when nothing is under way. */
  idle: Promise<void> = Promise.resolve()
  private readonly engine: Engine
  private readonly name: string
  private readonly host: string
  private open: OpenPort | undefined = undefined
  private claimed = false
  private ended = false

  constructor(engine: Engine, name: string, host: string, probe: Probe) {
    this.engine = engine
    this.name = name
    this.host = host
    this.probe = probe
  }

  wake(): void {
    this.idle = this.idle.then(() => this.step())
  }

  /** Opens the port for a container that is about to start; false where it is taken. */
  async claim(): Promise<boolean> {
    this.claimed = true
    this.wake()
    await this.idle
    return this.open !== undefined
  }

  async release(): Promise<void> {
    this.claimed = false
    this.wake()
    await this.idle
  }

  async end(): Promise<void> {
    this.ended = true
    this.wake()
    await this.idle
  }

  private async step(): Promise<void> {
    const mode = this.ended ? "refuse" : this.engine.probeMode(this.name)
    const wanted = mode === "refuse" && this.claimed && !this.ended && this.open === undefined ? "hang" : mode
    if (wanted === "refuse") {
      // A claim holds the port between its opening and the start.
      if (this.claimed && !this.ended) return
      const { open } = this
      this.open = undefined
      await open?.close()
    } else if (this.open !== undefined) this.open.setMode(wanted)
    else await this.openAs(wanted)
  }

  private async openAs(mode: "ok" | "hang" | "wrong"): Promise<void> {
    try {
      this.open = await openPort(this.probe.kind, this.host, this.probe.port, mode)
    } catch {
      // A process that cannot have its port ends; before a start there is none yet.
      if (!this.claimed) this.engine.crash(this.name, cannotBind)
    }
  }
}

/** Exit code of a process that could not bind its port. */
const cannotBind = 98
