/**
 * A world for the saga: the step over an NPU that does what it is told, a second
 * at a time. The daemon can be killed at any step, which leaves the encoded
 * durable memory and whatever its calls came to.
 */
import { assert } from "@effect/vitest"
import * as Either from "effect/Either"

import { decode, encode } from "../../../../src/decide/durable.ts"
import type { Action, Command, Input, Output, Reply } from "../../../../src/decide/input.ts"
import { initialMemory, type Memory } from "../../../../src/decide/memory.ts"
import { step } from "../../../../src/decide/step.ts"
import type { EventBody } from "../../../../src/model/event.ts"
import { format, split } from "../../../../src/model/image.ts"
import type { Sighting } from "../../../../src/model/look.ts"
import type { Room } from "../../../../src/model/room.ts"
import type { SonicVersion } from "../../../../src/model/version.ts"
import { defaults, type Policy } from "../../../../src/policy/policy.ts"
import { digest, dpu, specs } from "../bench.ts"

/** How the services of an image behave; `crashes`: milliseconds after the start. */
export interface Behaviour {
  readonly crashes?: number
  readonly neverHealthy?: true
  readonly refusesToStart?: true
}

interface Container {
  readonly id: string
  readonly image: string
  readonly running: boolean
  readonly startedAt: number
}

/** A moment at which the daemon may die, and what it would do at that moment. */
export type Killer = (saves: number) => boolean

export class UpgradeWorld {
  memory: Memory
  mono = 1000
  readonly images = new Set<string>()
  readonly archives = new Set<string>()
  readonly behaviours = new Map<string, Behaviour>()
  readonly containers = new Map<string, Container>()
  /** Containers of other DPUs, and what they run. */
  readonly others = new Map<string, string>()
  readonly events: Array<EventBody> = []
  readonly calls: Array<string> = []
  /** What was to be kept in the state folder. */
  readonly keeps: Array<string> = []
  /** Called before each call takes effect: what must hold at that moment. */
  watch: (call: Action) => void = () => undefined
  reachable = true
  /** Whether the connection breaks off in the midst of a call, which then has no effect. */
  breaks: (call: Action) => boolean = () => false
  /** Its server has a list of containers. */
  lists = true
  /** Why a transfer is refused. */
  refusal: string | undefined = undefined
  /** Who holds the room that is missing, where it is refused for want of it. */
  room: Room | undefined = undefined
  /** Why no archive is kept. */
  unkept: string | undefined = undefined
  /** No copy of an archive ever ends. */
  copiesForEver = false
  /** Removals of images take effect, and end, only at `endRemovals`. */
  removalsLast = false
  private removals: ReadonlyArray<Action> = []
  /** Containers that are shown by the id of their image, which has lost its name. */
  readonly nameless = new Set<string>()
  unsavable: string | undefined = undefined
  /** Dies where this says so: after the save, before what was decided is done; or just before the save. */
  killer: Killer = () => false
  killedBeforeSave = false
  kills = 0
  saves = 0
  private version: string
  private readonly policy: Policy
  private pending: Array<Action> = []
  private saved: string | undefined
  private savedDurable: Memory["durable"] | undefined
  private ids = 0
  private commands = 0

  constructor(version = "1.0", policy: Policy = defaults) {
    this.version = version
    this.policy = policy
    this.memory = initialMemory(Either.getOrThrow(decode(encode(emptied(), 0), 0)))
    this.offer("1.0")
    this.offer("2.0")
    for (const spec of specs) {
      this.images.add(`${spec.repository}:${version}`)
      this.run(spec.name, `${spec.repository}:${version}`)
    }
    this.boot()
    this.pass(5)
  }

  /** The images folder has archives of this version. */
  offer(version: string): void {
    for (const spec of specs) this.archives.add(`${spec.repository}:${version}`)
  }

  behave(service: string, version: string, behaviour: Behaviour): void {
    const spec = specs.find((candidate) => candidate.service === service)!
    this.behaviours.set(`${spec.repository}:${version}`, behaviour)
  }

  /** The DPU comes with another version. */
  upgradeTo(version: string): this {
    this.version = version
    this.give({ _tag: "VersionRead", version: version as SonicVersion })
    return this
  }

  /** Every stop must find the way back of what it stops on the NPU. */
  guarded(): this {
    this.watch = (call) => {
      if (call._tag !== "Stop") return
      const member = this.memory.durable.upgrade?.members.find(({ container }) => container === call.container)
      assert.isTrue(this.images.has(member?.previous?.image ?? ""), `${call.container} has no way back`)
    }
    return this
  }

  /** An image is neither on the NPU nor to be had. */
  lose(image: string): void {
    this.images.delete(image)
    this.archives.delete(image)
  }

  /** Second by second, until this holds; it must, within so many. */
  until(holds: (world: this) => boolean, seconds = 400): this {
    for (let second = 0; second < seconds && !holds(this); second += 1) this.pass(1)
    assert.isTrue(holds(this), `within ${seconds} s`)
    return this
  }

  /** The daemon has come to this catalogue. */
  configure(catalogue: typeof specs): void {
    this.give({ _tag: "Configured", dpu, specs: catalogue, policy: this.policy })
  }

  get phase(): string | undefined {
    return this.memory.durable.upgrade?.phase
  }

  /** The DPU's version file is gone. */
  loseVersion(): this {
    this.give({ _tag: "VersionUnreadable", reason: "there is no version file" })
    return this
  }

  command(command: Command): Reply | undefined {
    const id = this.commands += 1
    return this.give({ _tag: "Commanded", id, command })?.replies[0]?.reply
  }

  /** Seconds in which calls are answered, a look is made and every probe answers. */
  pass(seconds: number): this {
    for (let second = 0; second < seconds; second += 1) {
      this.mono += 1000
      this.live()
      this.act()
      this.look()
      this.act()
      this.probe()
      this.act()
    }
    return this
  }

  /** Until nothing is under way and nothing waits, at most so many seconds. */
  settle(seconds = 1500): this {
    for (let second = 0; second < seconds; second += 10) {
      this.pass(10)
      if (this.memory.durable.upgrade === null && this.isQuiet()) return this
    }
    return this
  }

  /** `kill -9`, and a new daemon with what the state file says. */
  kill(): void {
    this.kills += 1
    // Calls that were on their way may still take effect.
    this.pending = []
    this.boot()
  }

  endRemovals(): void {
    const { removals } = this
    this.removals = []
    for (const call of removals) this.give(this.effect(call))
  }

  /** Somebody else has another instance of this image run in the place of what was there. */
  replace(name: string, image: string): void {
    this.run(name, image)
  }

  /** What runs: `databasedpu2 docker-database:2.0`. */
  running(): ReadonlyArray<string> {
    return specs.flatMap(({ name }) => {
      const container = this.containers.get(name)
      return container?.running === true ? [`${name} ${container.image}`] : []
    })
  }

  /** The versions of what runs, in catalogue order. */
  versions(): ReadonlyArray<string> {
    return this.running().map((text) => text.slice(text.lastIndexOf(":") + 1))
  }

  reasons(): ReadonlyArray<string> {
    return this.events.map(({ reason }) => reason)
  }

  crash(name: string): void {
    const container = this.containers.get(name)
    if (container !== undefined) this.containers.set(name, { ...container, running: false })
  }

  private isQuiet(): boolean {
    return specs.every(({ name }) => (this.memory.durable.containers[name]?.due ?? null) === null)
      && this.memory.images.transfer === undefined
  }

  private run(name: string, image: string): void {
    this.containers.set(name, { id: `${name}-${++this.ids}`, image, running: true, startedAt: this.mono })
  }

  private boot(): void {
    const text = this.saved ?? encode(emptied(), this.mono)
    this.memory = initialMemory(Either.getOrThrow(decode(text, this.mono)))
    this.savedDurable = undefined
    this.give({ _tag: "Configured", dpu, specs, policy: this.policy })
    this.give({ _tag: "VersionRead", version: this.version as SonicVersion })
  }

  /** A turn as the daemon makes it: step, save, and only then act. */
  private give(input: Input): Output | undefined {
    const now = { mono: this.mono, wall: Date.UTC(2026, 0, 1) + this.mono }
    let output = step(this.memory, input, { ...now, unsavable: undefined })
    if (output.memory.durable !== this.savedDurable) {
      if (this.unsavable === undefined) {
        this.saves += 1
        const dies = this.killer(this.saves)
        if (!dies || !this.killedBeforeSave) {
          this.saved = encode(output.memory.durable, this.mono)
          this.savedDurable = output.memory.durable
        }
        if (dies) {
          this.kill()
          return undefined
        }
      } else output = step(this.memory, input, { ...now, unsavable: this.unsavable })
    }
    this.memory = output.memory
    this.events.push(...output.events)
    this.pending.push(...output.actions)
    return output
  }

  /** Answers every call that is under way. */
  private act(): void {
    for (let call = this.pending.shift(); call !== undefined; call = this.pending.shift()) this.answer(call)
  }

  private answer(call: Action): void {
    const { kills } = this
    if (this.breaks(call) || !this.reachable) return this.broken(call)
    this.watch(call)
    if (call._tag === "KeepArchives" && this.copiesForEver) return
    if (call._tag === "RemoveImage" && this.removalsLast) {
      this.removals = [...this.removals, call]
      return
    }
    const done = this.effect(call)
    // A daemon that died meanwhile hears nothing.
    if (kills === this.kills) this.give(done)
  }

  private broken(call: Action): void {
    if (call._tag === "ListImages") this.give({ _tag: "ImagesNotListed", reason: "no answer" })
    else if (call._tag === "Deploy") {
      this.give({
        _tag: "Transferred",
        operation: call.operation,
        outcome: { _tag: "Failed", reason: "no answer", unreachable: true }
      })
    } else if (isOnContainer(call)) {
      this.give({
        _tag: "Acted",
        container: call.container,
        action: call._tag,
        operation: call.operation,
        outcome: { _tag: "Ambiguous", reason: "no answer", unreachable: true }
      })
    }
  }

  private effect(call: Action): Input {
    switch (call._tag) {
      case "ListImages": {
        const asked = call.images.map(format)
        return {
          _tag: "ImagesListed",
          asked,
          held: asked.filter((image) => this.images.has(image)),
          rows: [...this.images].map((image) => ({
            id: digest(image).slice(7, 19),
            repository: split(image).repository,
            tags: [split(image).tag]
          }))
        }
      }
      case "Deploy": {
        const image = call.subject._tag === "Image" ? format(call.subject.image) : call.subject.path
        this.calls.push(`Deploy ${image}`)
        const { operation } = call
        if (!this.archives.has(image)) {
          return { _tag: "Transferred", operation, outcome: { _tag: "Rejected", reason: "no archive holds it" } }
        }
        if (this.refusal !== undefined) {
          return {
            _tag: "Transferred",
            operation,
            outcome: {
              _tag: "Failed",
              reason: this.refusal,
              unreachable: false,
              ...(this.room === undefined ? {} : { room: this.room })
            }
          }
        }
        this.images.add(image)
        return {
          _tag: "Transferred",
          operation,
          outcome: { _tag: "Deployed", image, configDigest: digest(image) }
        }
      }
      case "KeepArchives": {
        const images = call.images.map(format)
        this.keeps.push(
          `${images.join(" ")}${call.spare.length === 0 ? "" : `, sparing ${call.spare.map(format).join(" ")}`}`
        )
        const fault = this.unkept
        return {
          _tag: "ArchivesKept",
          operation: call.operation,
          kept: fault === undefined ? images : [],
          notKept: fault === undefined ? [] : images.map((image) => ({ image, reason: fault }))
        }
      }
      case "RemoveImage": {
        const image = format(call.image)
        this.calls.push(`RemoveImage ${image}`)
        this.images.delete(image)
        return { _tag: "ImageRemoved", image, operation: call.operation, outcome: { _tag: "Done" } }
      }
      default:
        return {
          _tag: "Acted",
          container: call.container,
          action: call._tag,
          operation: call.operation,
          outcome: this.outcome(call)
        }
    }
  }

  private outcome(call: OnContainer): Extract<Input, { _tag: "Acted" }>["outcome"] {
    const container = this.containers.get(call.container)
    this.calls.push(`${call._tag} ${call.container}${call._tag === "Start" ? ` ${call.image.tag}` : ""}`)
    switch (call._tag) {
      case "Stop":
        assert.isTrue(container?.running, `${call.container} runs when it is stopped`)
        this.crash(call.container)
        return { _tag: "Done" }
      case "Remove":
        this.containers.delete(call.container)
        return { _tag: "Done" }
      case "Start": {
        const image = format(call.image)
        if (container !== undefined) return { _tag: "Ambiguous", reason: "the name is taken", unreachable: false }
        if (!this.images.has(image)) return { _tag: "Refused", kind: "NotFound", reason: "no such image" }
        if (this.behaviours.get(image)?.refusesToStart === true) {
          return { _tag: "Refused", kind: "Other", reason: "bad command" }
        }
        this.run(call.container, image)
        return { _tag: "Done" }
      }
    }
  }

  private live(): void {
    for (const [name, container] of this.containers) {
      const after = this.behaviours.get(container.image)?.crashes
      if (after !== undefined && container.running && this.mono - container.startedAt >= after) this.crash(name)
    }
  }

  /** One that is heard of so many milliseconds after its end. */
  look(late = 0): void {
    const at = this.mono += 1
    this.mono += late
    this.give({
      _tag: "Looked",
      look: {
        begun: at,
        ended: at,
        result: !this.lists
          ? { _tag: "Unlisted", reason: "the server has no list" }
          : this.reachable
          ? {
            _tag: "Seen",
            sightings: new Map(specs.map(({ name }) => [name, this.sighting(name)])),
            users: [
              ...[...this.containers].map(([container, { image, running }]) => ({
                container,
                image: split(image),
                running
              })),
              ...[...this.others].map(([container, image]) => ({ container, image: split(image), running: true }))
            ]
          }
          : { _tag: "Failed", reachable: false, reason: "no answer" }
      }
    })
  }

  private sighting(name: string): Sighting {
    const container = this.containers.get(name)
    if (container === undefined) return { _tag: "Absent" }
    const { id, running } = container
    const image = split(container.image)
    if (running && this.nameless.has(name)) {
      return { _tag: "Running", id, image: split(digest(container.image)), version: undefined }
    }
    return running
      ? { _tag: "Running", id, image, version: image.tag }
      : { _tag: "Stopped", id, image, leftover: false }
  }

  private probe(): void {
    if (!this.reachable) return
    for (const { name } of specs) {
      const container = this.containers.get(name)
      if (container?.running !== true) continue
      const healthy = this.behaviours.get(container.image)?.neverHealthy !== true
      this.give({
        _tag: "Probed",
        container: name,
        begun: this.mono,
        ended: this.mono,
        result: healthy ? "Healthy" : "Unhealthy",
        reason: healthy ? undefined : "refused"
      })
    }
  }
}

type OnContainer = Extract<Action, { _tag: "Start" | "Stop" | "Remove" }>
const isOnContainer = (call: Action): call is OnContainer => "container" in call

const emptied = (): Memory["durable"] => Either.getOrThrow(decode(JSON.stringify(fresh), 0))
const fresh = { format: 2, mono: 0, random: 1, containers: {} }

/** All run 2.0, of which they came from 1.0. */
export const onProbation = (): UpgradeWorld =>
  new UpgradeWorld().upgradeTo("2.0").until(({ phase }) => phase === "probation").pass(20)
