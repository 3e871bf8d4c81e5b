/** A workbench for the step function: one DPU's memory, a hand on the clock, short words for inputs. */
import * as Either from "effect/Either"

import { initial } from "../../../src/decide/durable.ts"
import type { Action, Command, Input, Outcome, Output, TransferOutcome } from "../../../src/decide/input.ts"
import { initialMemory, type Memory, recordOf, watchedOf } from "../../../src/decide/memory.ts"
import { step } from "../../../src/decide/step.ts"
import { builtIn, resolve } from "../../../src/model/catalogue.ts"
import type { EventBody } from "../../../src/model/event.ts"
import { format } from "../../../src/model/image.ts"
import type { Sighting } from "../../../src/model/look.ts"
import type { TransportFault } from "../../../src/model/transport-fault.ts"
import type { SonicVersion } from "../../../src/model/version.ts"
import { defaults, type Policy } from "../../../src/policy/policy.ts"

export const dpu = 2
export const specs = Either.getOrThrow(resolve(builtIn, dpu))
export const [database, gnmi, ha] = specs.map((spec) => spec.name) as [string, string, string]
const specOf = (name: string) => specs.find((spec) => spec.name === name)!

/** `runs("1.0", "x1")`: a sighting of a running instance. */
export const runs = (version = "1.0", id = "id-1") => (name: string): Sighting => ({
  _tag: "Running",
  id: `${name}-${id}`,
  image: { repository: specOf(name).repository, tag: version },
  version
})
export const stopped = (name: string): Sighting => ({
  _tag: "Stopped",
  id: `${name}-old`,
  image: { repository: specOf(name).repository, tag: "1.0" },
  leftover: false
})
export const absent = (): Sighting => ({ _tag: "Absent" })
export const unclear = (): Sighting => ({ _tag: "Unknown", reason: "it is not clear" })

/** A transfer that ended well. */
export const deployed = (image: string): TransferOutcome => ({ _tag: "Deployed", image, configDigest: digest(image) })
/** Digits that are the same for the same name. */
export const digest = (image: string): string =>
  `sha256:${
    [...image].map((letter) => letter.charCodeAt(0).toString(16).padStart(2, "0")).join("").padEnd(64, "0").slice(0, 64)
  }`

type See = (name: string) => Sighting

export class Bench {
  memory: Memory = initialMemory(initial(1))
  mono = 1000
  wall = Date.UTC(2026, 0, 1)
  unsavable: string | undefined = undefined
  actions: Array<Action> = []
  events: Array<EventBody> = []
  last: Output | undefined = undefined
  private commands = 0

  constructor(policy: Policy = defaults) {
    this.give({ _tag: "Configured", dpu, specs, policy })
  }

  /** One step; actions and events pile up until `take`. */
  give(input: Input): Output {
    const output = step(this.memory, input, { mono: this.mono, wall: this.wall, unsavable: this.unsavable })
    this.memory = output.memory
    this.actions.push(...output.actions)
    this.events.push(...output.events)
    this.last = output
    return output
  }

  wait(millis: number): this {
    this.mono += millis
    this.wall += millis
    return this
  }

  version(text: string): this {
    this.give({ _tag: "VersionRead", version: text as SonicVersion })
    return this
  }

  /** A look that begins and ends now; `others` is what is seen of all that `seen` does not name. */
  look(seen: Readonly<Record<string, See>>, others: See = runs()): this {
    this.wait(1)
    this.give({
      _tag: "Looked",
      look: {
        begun: this.mono,
        ended: this.mono,
        result: {
          _tag: "Seen",
          sightings: new Map(specs.map((spec) => [spec.name, (seen[spec.name] ?? others)(spec.name)]))
        }
      }
    })
    return this
  }

  lookFails(reachable: boolean, reason = "no answer", fault?: TransportFault): this {
    this.wait(1)
    this.give({
      _tag: "Looked",
      look: {
        begun: this.mono,
        ended: this.mono,
        result: { _tag: "Failed", reachable, reason, ...(fault === undefined ? {} : { fault }) }
      }
    })
    return this
  }

  probe(container: string, result: "Healthy" | "Unhealthy" | "Unknown"): this {
    this.wait(1)
    this.give({
      _tag: "Probed",
      container,
      begun: this.mono,
      ended: this.mono,
      result,
      reason: result === "Healthy" ? undefined : "refused"
    })
    return this
  }

  /** Every image that is wanted is there. */
  imagesHeld(): this {
    const action = this.actions.find((candidate) => candidate._tag === "ListImages")
    if (action?._tag !== "ListImages") throw new Error("nobody asked for the images")
    const asked = action.images.map(format)
    this.give({ _tag: "ImagesListed", asked, held: asked })
    return this
  }

  /** Ends the mutating call under way on a container. */
  end(container: string, outcome: Outcome = { _tag: "Done" }): this {
    const inFlight = watchedOf(this.memory, container).inFlight
    if (inFlight === undefined) throw new Error(`nothing is under way on ${container}`)
    this.wait(1)
    this.give({ _tag: "Acted", container, action: inFlight.action, operation: inFlight.operation, outcome })
    return this
  }

  endTransfer(outcome: TransferOutcome): this {
    this.wait(1)
    this.give({ _tag: "Transferred", operation: this.memory.images.transfer!.operation, outcome })
    return this
  }

  command(command: Command): Output["replies"][number]["reply"] {
    const id = this.commands += 1
    return this.give({ _tag: "Commanded", id, command }).replies[0]!.reply
  }

  /** What was done since the last call: `Start databasedpu2`. */
  take(): ReadonlyArray<string> {
    const taken = this.actions.map((action) =>
      "container" in action
        ? `${action._tag} ${action.container}`
        : action._tag === "Deploy"
        ? `Deploy ${action.subject._tag === "Image" ? format(action.subject.image) : action.subject.path}`
        : action._tag
    )
    this.actions = []
    return taken
  }

  reasons(): ReadonlyArray<string> {
    const taken = this.events.map((event) => event.reason)
    this.events = []
    return taken
  }

  record(name: string) {
    return recordOf(this.memory, name)
  }

  watched(name: string) {
    return watchedOf(this.memory, name)
  }
}

/** All three run, answer, and are known: the usual day. */
export const settled = (policy: Policy = defaults): Bench => {
  const bench = new Bench(policy).version("1.0").look({})
  for (const spec of specs) bench.probe(spec.name, "Healthy")
  bench.take()
  bench.reasons()
  return bench
}

/** From a sighting of what stopped to the accepted start. */
export const restart = (bench: Bench, name: string): void => {
  if (bench.actions.some((action) => action._tag === "ListImages")) bench.imagesHeld()
  if (watchedOf(bench.memory, name).inFlight?.action === "Remove") {
    bench.end(name).look({ [name]: absent })
  }
  bench.end(name)
}
