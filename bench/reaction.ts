/**
 * How quickly a crash is answered: offloadd and npu-sim as processes, real
 * sockets, a catalogue of 100 services, each crashed once under the default
 * policy. From just before npu-sim is told to crash a container until it has
 * received StartContainer for it, both on the machine's monotonic clock.
 * Crashes come one at a time, each at a random moment of the poll's period; once
 * with logs followed (the hint) and once without. Prints medians, 95th
 * percentiles and where the time went; exits 1 where a goal is missed.
 *
 *   npm run bench -- reaction [SERVICES] [SEED]
 */
import { closeSync, openSync, readSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"

import { type Lab, makeLab, packImages, setVersion, startDaemon, startNpuSim } from "../bin/lab.ts"
import { administer } from "../layers/npu-sim/admin/client.ts"
import type { JournalLine } from "../layers/npu-sim/journal.ts"
import { type Catalogue, type CatalogueEntry, resolve } from "../src/model/catalogue.ts"
import { defaults } from "../src/policy/policy.ts"

/** A start that never came. */
class Missed extends Data.TaggedError("Missed")<{ readonly message: string }> {}

const services = Math.max(2, Number(process.argv[2] ?? 100))
const seed = process.argv[3] ?? "reaction"
const { period } = defaults.monitoring
const goals = {
  hinted: { median: 50, p95: 150 },
  polled: { median: period + 50, p95: period + 50 }
}
const dist = join(import.meta.dirname, "..", "dist")

/** As many services of one image, without probes. */
const catalogue: Catalogue = (() => {
  const entries = Array.from({ length: services }, (_, index): CatalogueEntry => ({
    ...{ name: `service-${index}`, image: "service", container: `service-${index}-{dpu}`, after: [] },
    ...{ ports: [], environment: {}, volumes: [], labels: {}, network: "host" }
  }))
  return { portShift: 0, services: [entries[0]!, ...entries.slice(1)] }
})()

const containers = Either.getOrThrow(resolve(catalogue, 0))

/** What npu-sim receives, as its journal grows. */
const follow = (path: string) => {
  const file = openSync(path, "r")
  const buffer = Buffer.alloc(64 * 1024)
  let partial = ""
  return {
    read: (): ReadonlyArray<JournalLine> => {
      for (let size = readSync(file, buffer); size > 0; size = readSync(file, buffer)) {
        partial += buffer.toString("utf8", 0, size)
      }
      const lines = partial.split("\n")
      partial = lines.pop() ?? ""
      return lines.map((line) => JSON.parse(line) as JournalLine)
    },
    close: () => closeSync(file)
  }
}

/** Microseconds of the clock that the journal has. */
const micros = (): number => Number(process.hrtime.bigint() / 1000n)

interface Reaction {
  /** Milliseconds from the crash. */
  readonly remove: number
  readonly start: number
}

const longest = 30_000

const crashEach = (lab: Lab): Effect.Effect<ReadonlyArray<Reaction>, Error> =>
  Effect.acquireUseRelease(
    Effect.sync(() => follow(lab.journal)),
    (journal) =>
      Effect.gen(function*() {
        /** Reads on until StartContainer was received for each; "METHOD CONTAINER" → µs. */
        const started = Effect.fnUntraced(function*(subjects: ReadonlyArray<string>) {
          const since = micros()
          const received = new Map<string, number>()
          const missing = new Set(subjects)
          while (missing.size > 0) {
            for (const line of journal.read()) {
              if (line.event !== "received") continue
              received.set(`${line.method} ${line.subject}`, line.micros)
              if (line.method === "StartContainer") missing.delete(line.subject)
            }
            if (micros() - since > longest * 1000) {
              return yield* new Missed({
                message: `no StartContainer of ${[...missing].join(", ")} within ${longest} ms`
              })
            }
            yield* Effect.sleep(5)
          }
          return received
        })
        yield* started(containers.map(({ name }) => name))
        // Until everything was seen running, and its log is followed.
        yield* Effect.sleep(3 * period)
        const reactions: Array<Reaction> = []
        for (const { name } of yield* Random.shuffle(containers)) {
          yield* Effect.sleep(200 + (yield* Random.next) * period)
          const crashed = micros()
          yield* Effect.tryPromise({
            try: () => administer(lab.admin, "crash", { container: name }),
            catch: (error) => error as Error
          })
          const received = yield* started([name])
          const after = (method: string) => ((received.get(`${method} ${name}`) ?? NaN) - crashed) / 1000
          reactions.push({ remove: after("RemoveContainer"), start: after("StartContainer") })
        }
        return reactions
      }),
    (journal) => Effect.sync(journal.close)
  )

const measured = (followLogs: boolean) =>
  Effect.scoped(Effect.gen(function*() {
    const lab: Lab = { ...(yield* makeLab(dist)), containers }
    const policy = join(lab.folder, "policy.json")
    yield* Effect.sync(() => {
      writeFileSync(lab.catalogueFile, JSON.stringify(catalogue))
      writeFileSync(policy, JSON.stringify({ hints: { followLogs } }))
    })
    yield* packImages({ ...lab, containers: containers.slice(0, 1) }, "1.0")
    yield* setVersion(lab, "1.0")
    const npu = yield* startNpuSim(lab)
    yield* startDaemon(lab, npu.endpoint, ["--policy", policy, "--log-level", "warning"])
    return yield* Effect.withRandom(crashEach(lab), Random.make(seed))
  }))

const quantile = (numbers: ReadonlyArray<number>, share: number): number =>
  [...numbers].sort((left, right) => left - right)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))]
    ?? NaN

const report = (title: string, reactions: ReadonlyArray<Reaction>, goal: { median: number; p95: number }): boolean => {
  const of = (part: (reaction: Reaction) => number, share: number) => quantile(reactions.map(part), share)
  const line = (what: string, part: (reaction: Reaction) => number) =>
    console.log(
      `  ${what.padEnd(34)}median ${of(part, 0.5).toFixed(1).padStart(7)} ms   p95 ${
        of(part, 0.95).toFixed(1).padStart(7)
      } ms   worst ${of(part, 1).toFixed(1).padStart(7)} ms`
    )
  console.log(`${title}: ${reactions.length} crashes`)
  line("crash → RemoveContainer", ({ remove }) => remove)
  line("RemoveContainer → StartContainer", ({ remove, start }) => start - remove)
  line("crash → StartContainer", ({ start }) => start)
  const met = of(({ start }) => start, 0.5) <= goal.median && of(({ start }) => start, 0.95) <= goal.p95
  console.log(`  goal: median ${goal.median} ms, p95 ${goal.p95} ms: ${met ? "met" : "missed"}`)
  return met
}

const hinted = await Effect.runPromise(measured(true))
const hintedMet = report("with the log hint", hinted, goals.hinted)
const polled = await Effect.runPromise(measured(false))
const polledMet = report("without it", polled, goals.polled)
process.exitCode = hintedMet && polledMet ? 0 : 1
