/** One DPU and its daemon: the real program over simulated ports, started, killed and started again. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"

import { Decider, type DeciderService } from "../../src/daemon/decider.ts"
import { Deployments, type DeploymentsService } from "../../src/daemon/deployments.ts"
import { DpuIdentity, type VersionReading } from "../../src/daemon/dpu-identity.ts"
import { EventStore } from "../../src/daemon/event-store.ts"
import * as Program from "../../src/daemon/program.ts"
import { StateStore } from "../../src/daemon/state-store.ts"
import { listView, statusView } from "../../src/daemon/views.ts"
import type { Command, Reply } from "../../src/decide/input.ts"
import type { UpgradeCommand } from "../../src/decide/upgrade/command.ts"
import { Prober } from "../../src/health/prober.ts"
import { Assignment } from "../../src/model/assignment.ts"
import type { ContainerSpec } from "../../src/model/catalogue.ts"
import type { SonicVersion } from "../../src/model/version.ts"
import { ImageSource, type ImageSourceService } from "../../src/npu/image-source.ts"
import * as Npu from "../../src/npu/npu.ts"
import { Wire } from "../../src/npu/wire.ts"
import { ActivePolicy, type Policy } from "../../src/policy/policy.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import type { Entry } from "../../src/simulate/trace.ts"
import type { Engine } from "../npu-sim/engine/engine.ts"
import * as MemoryWire from "../npu-sim/wire.ts"
import * as Clock from "./clock.ts"
import { Disk } from "./disk.ts"
import { Link } from "./link.ts"
import * as ProbeRoad from "./prober.ts"
import { ProcessScheduler, type TaskQueue } from "./scheduler.ts"
import type { Server } from "./server.ts"
import type { SimulatedTime } from "./time.ts"
import * as FaultyWire from "./wire.ts"

export interface DpuOptions {
  readonly dpu: number
  readonly containers: ReadonlyArray<ContainerSpec>
  readonly engine: Engine
  readonly time: SimulatedTime
  readonly queue: TaskQueue
  readonly chance: Chance
  readonly images: ImageSourceService
  readonly record: (entry: Entry) => void
  readonly npu: FaultyWire.NpuSide
  readonly nextCall: () => number
  readonly offersLogs: boolean
  readonly server: Server
  readonly policy: Policy
  readonly unclear: ReadonlySet<string>
}

/** A daemon that runs. */
interface Life {
  readonly number: number
  readonly process: ProcessScheduler
  readonly runtime: Runtime.Runtime<never>
  decider: DeciderService | undefined
  deployments: DeploymentsService | undefined
  main: Fiber.RuntimeFiber<unknown, unknown> | undefined
  tell: (reading: VersionReading) => void
}

/** Milliseconds until the system's supervisor starts a daemon that died. */
const restartedAfter = 1000

export class SimulatedDpu {
  readonly link = new Link()
  readonly disk: Disk
  /** Milliseconds by which the wall clock is off what it began with. */
  wallOffset = 0
  private readonly options: DpuOptions
  private life: Life | undefined
  private lives = 0
  private version: string | undefined
  /** Why it cannot be read now; the last said counts. */
  private hidden: Array<string> = []
  /** Somebody waits for a daemon to ask. */
  private awaited = false
  /** Monotonic milliseconds when the run began, for this boot of the DPU. */
  private mono: number

  constructor(options: DpuOptions) {
    this.options = options
    this.mono = Math.floor(options.chance.between(1000, 1e9))
    this.disk = new Disk({
      dpu: options.dpu,
      time: options.time,
      chance: options.chance.fork(1),
      record: options.record
    })
  }

  get runs(): boolean {
    return this.life !== undefined
  }

  start(): void {
    if (this.life !== undefined) return
    const { dpu, queue, record, time } = this.options
    const process = new ProcessScheduler(queue)
    const clock = Clock.make(time, process, { mono: this.mono, wall: () => epoch + this.wallOffset })
    const life: Life = {
      number: ++this.lives,
      process,
      runtime: Runtime.defaultRuntime,
      decider: undefined,
      deployments: undefined,
      main: undefined,
      tell: () => undefined
    }
    this.life = life
    record({ _tag: "Up", at: time.now, dpu, life: life.number, durable: this.disk.text })
    const body = Effect.gen(this, function*() {
      const ports = yield* this.ports(life)
      const context = Context.merge(ports, yield* Layer.build(Layer.provide(program, Layer.succeedContext(ports))))
      life.decider = Context.get(context, Decider)
      life.deployments = Context.get(context, Deployments)
      if (this.awaited) this.ask()
      return yield* Effect.provide(Program.run, context)
    })
    const main = Effect.scoped(body).pipe(
      // Nobody reads spans here, and they cost as much as a look.
      Effect.withTracerEnabled(false),
      Effect.withRandom(Random.make(this.options.chance.word())),
      Effect.withClock(clock),
      Effect.locally(FiberRef.currentLoggers, HashSet.make(this.logger())),
      Logger.withMinimumLogLevel(LogLevel.Error)
    )
    life.main = Runtime.runFork(life.runtime, main, { scheduler: process })
    life.main.addObserver((exit) => this.ended(life, exit))
  }

  /** kill -9; started again after `downFor` milliseconds. */
  kill(downFor: number, rebooted: boolean): void {
    const { life } = this
    if (life === undefined) return
    life.process.kill()
    this.down(life, "killed", rebooted ? "the DPU restarts" : "", downFor)
    // The clock of a machine that restarts begins anew.
    if (rebooted) this.mono = Math.floor(this.options.chance.between(1000, 1e5)) - this.options.time.now
  }

  /** As systemd stops it: interrupted, with time to finish. */
  stop(downFor: number): void {
    const { life } = this
    if (life?.main === undefined) return
    life.main.addObserver(() => {
      if (this.life === life) this.down(life, "stopped", "", downFor)
    })
    Runtime.runFork(life.runtime, life.main.interruptAsFork(life.main.id()), { scheduler: life.process })
  }

  setVersion(version: string): void {
    this.version = version
    this.tellVersion()
  }

  hideVersion(how: "missing" | "garbled"): void {
    this.hidden.push(how === "missing" ? "there is no version file" : "the version file makes no sense")
    this.tellVersion()
  }

  /** As often as it was hidden. */
  showVersion(): void {
    this.hidden.shift()
    this.tellVersion()
  }

  private tellVersion(): void {
    const { dpu, record, time } = this.options
    record({ _tag: "Version", at: time.now, dpu, version: this.hidden.length > 0 ? undefined : this.version })
    this.life?.tell(this.reading())
  }

  private reading(): VersionReading {
    const reason = this.hidden.at(-1)
    return reason === undefined && this.version !== undefined
      ? { _tag: "Version", version: this.version as SonicVersion }
      : { _tag: "Unreadable", reason: reason ?? "there is no version yet" }
  }

  /** An operator asks the daemon, where one runs. */
  command(container: string, desired: "running" | "stopped"): void {
    const { dpu, record, time } = this.options
    const { life } = this
    if (life?.decider === undefined) return
    const said = (phase: "asked" | "recorded" | "refused" | "lost"): void =>
      record({ _tag: "Commanded", at: time.now, dpu, container, desired, phase })
    said("asked")
    Runtime.runFork(life.runtime, life.decider.command({ _tag: "SetDesired", container, desired }), {
      scheduler: life.process
    }).addObserver((exit) =>
      said(Exit.isFailure(exit) ? "lost" : exit.value._tag === "Recorded" ? "recorded" : "refused")
    )
  }

  /** An operator wants a container tried at once. */
  retry(container: string): void {
    this.request({ _tag: "Retry", containers: [container] }, container, `retry ${container}`)
  }

  /** An operator sends an archive, and may think better of it. */
  deploy(path: string, cancelledAfter: number | null): void {
    const { life } = this
    this.request({ _tag: "Deploy", subject: { _tag: "Path", path } }, "", `deploy ${path}`, (reply) => {
      if (reply._tag !== "Deploying" || cancelledAfter === null) return
      this.options.time.after(cancelledAfter, () => {
        if (life !== this.life || life?.deployments === undefined) return
        Runtime.runFork(life.runtime, life.deployments.requestCancel(reply.operation), { scheduler: life.process })
      })
    })
  }

  /** An operator has a hand in upgrades. */
  order(command: UpgradeCommand): void {
    const version = command._tag === "Upgrade" ? ` ${command.version ?? this.version ?? ""}` : ""
    this.request(command, "", `${command._tag}${version}`)
  }

  /** An operator reads the status of everything. */
  ask(): void {
    const { containers, dpu, record, time } = this.options
    const { life } = this
    // Who finds no daemon asks the next one, as soon as it is there.
    this.awaited = life?.decider === undefined
    if (life?.decider === undefined) return
    const views = Effect.map(life.decider.memory, (memory) => {
      const now = { mono: this.mono + time.now, wall: epoch + this.wallOffset + time.now }
      listView(memory, "npu", `dpu${dpu}`, now)
      for (const spec of containers) statusView(memory, "npu", spec, now)
    })
    Runtime.runFork(life.runtime, views, { scheduler: life.process }).addObserver((exit) => {
      if (Exit.isFailure(exit)) {
        record({ _tag: "Defect", at: time.now, dpu, text: `status: ${Cause.pretty(exit.cause)}` })
      }
    })
  }

  private request(command: Command, container: string, what: string, then: (reply: Reply) => void = ignore): void {
    const { dpu, record, time } = this.options
    const { life } = this
    if (life?.decider === undefined) return
    const asked = (answer: string | undefined): void =>
      record({ _tag: "Asked", at: time.now, dpu, container, what, answer })
    asked(undefined)
    Runtime.runFork(life.runtime, life.decider.command(command), { scheduler: life.process }).addObserver((exit) => {
      asked(Exit.isFailure(exit) ? "lost" : exit.value._tag)
      if (Exit.isSuccess(exit)) then(exit.value)
    })
  }

  /** The run is over: whatever is left of the daemon is forgotten. */
  discard(): void {
    this.life?.process.kill()
    this.life = undefined
  }

  private ended(life: Life, exit: Exit.Exit<unknown, unknown>): void {
    if (this.life !== life || Exit.isSuccess(exit) || Exit.isInterrupted(exit)) return
    this.down(life, "died", Cause.pretty(exit.cause).split("\n")[0] ?? "", restartedAfter)
  }

  private down(life: Life, how: "killed" | "stopped" | "died", reason: string, downFor: number): void {
    const { dpu, record, time } = this.options
    this.life = undefined
    this.link.abandonAll()
    life.process.kill()
    record({ _tag: "Down", at: time.now, dpu, life: life.number, how, reason })
    time.after(downFor, () => this.start())
  }

  /** One context, not a layer for each port: a daemon starts often, and layers cost more than all else of a start. */
  private ports(life: Life) {
    const { containers, dpu, engine, images, npu, record, time } = this.options
    const versions = Stream.asyncPush<VersionReading>((emit) =>
      Effect.sync(() => {
        let told = false
        life.tell = (next) => {
          told = true
          void emit.single(next)
        }
        // Reading the file takes its time.
        time.after(this.options.chance.logarithmic(0.5, 2000), () => {
          if (life.process.alive && !told) life.tell(this.reading())
        })
      })
    )
    const way = { bytesPerSecond: 50e6, swallowsLogs: () => this.link.swallowsReplies }
    return Effect.map(MemoryWire.make(engine, way), (memory) => {
      this.link.attach(memory.connection)
      const wire = FaultyWire.make({
        inner: memory.wire,
        link: this.link,
        time,
        chance: this.options.chance.fork(100 + life.number),
        record,
        process: life.process,
        dpu,
        life: life.number,
        npu,
        nextCall: this.options.nextCall,
        offersLogs: this.options.offersLogs,
        server: this.options.server,
        unclear: this.options.unclear
      })
      return Context.make(Wire, wire).pipe(
        Context.add(Prober, ProbeRoad.make(this.options, this.link, life.process)),
        Context.add(Assignment, { dpu, containers, serviceHost: "npu" }),
        Context.add(ImageSource, images),
        Context.add(StateStore, this.disk.store(life.process)),
        Context.add(DpuIdentity, { dpu, versions }),
        Context.add(ActivePolicy, this.options.policy),
        Context.add(EventStore, {
          append: (events) =>
            Effect.sync(() => {
              for (const event of events) record({ _tag: "Said", at: time.now, dpu, event })
            }),
          read: () => Stream.empty
        })
      )
    })
  }

  /** The program's own errors are what a run looks for. */
  private logger() {
    const { dpu, record, time } = this.options
    return Logger.make(({ annotations, message }) => {
      const fiber = Option.getOrUndefined(HashMap.get(annotations, "fiber"))
      if (fiber === undefined) return
      const reason = String(Option.getOrElse(HashMap.get(annotations, "reason"), () => ""))
      record({ _tag: "Defect", at: time.now, dpu, text: `${String(message)} ${String(fiber)}: ${reason}` })
    })
  }
}

/** The daemon's own program, above the ports. */
const program = Layer.provideMerge(Program.layer, Npu.layer)

const ignore = (): void => undefined

/** Milliseconds since 1970 when every run begins. */
const epoch = Date.UTC(2026, 0, 1)
