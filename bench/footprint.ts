/**
 * What offloadd takes while nothing happens: started by its first line, as a
 * switch starts it, with three services on an npu-sim, a look each second and
 * probes. Resident and private memory, the share of a core, growth; and how long
 * from the start of the process to its first look, over `node -e 0`, in pairs.
 * Exits 1 where a goal is missed.
 *
 *   npm run bench -- footprint [SECONDS [STARTS]]
 *
 * Rest is measured after SECONDS (60), growth over the five times as long after it.
 */
import { spawnSync } from "node:child_process"
import { join } from "node:path"

import * as Effect from "effect/Effect"

import { type Lab, makeLab, packImages, setVersion, startDaemon, startNpuSim } from "../bin/lab.ts"
import { megabyte, usageOf } from "./support/usage.ts"

const settle = Math.max(5, Number(process.argv[2] ?? 60))
const starts = Math.max(3, Number(process.argv[3] ?? 9))
const goals = { resident: 60, private: 20, cpu: 0.6, growth: 1, start: 6 }
const dist = join(import.meta.dirname, "..", "dist")

// Where it is set, every node starts some three times slower, and the ratio looks better than it is.
const { NODE_EXTRA_CA_CERTS: _certificates, NODE_OPTIONS: _options, ...environment } = process.env

const median = (numbers: ReadonlyArray<number>): number =>
  [...numbers].sort((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? NaN

const millis = (): number => Number(process.hrtime.bigint()) / 1e6

const floor = (): number => {
  const begun = millis()
  spawnSync(process.execPath, ["-e", "0"], { env: environment, stdio: "ignore" })
  return millis() - begun
}

/** Milliseconds from the start of the process until it says what its first look showed. */
const firstLook = (lab: Lab, endpoint: string) =>
  Effect.scoped(Effect.gen(function*() {
    const begun = millis()
    const daemon = yield* startDaemon(lab, endpoint)
    yield* daemon.line(/reason=NpuReachable/)
    return millis() - begun
  }))

const measured = Effect.scoped(Effect.gen(function*() {
  const lab = yield* makeLab(dist)
  yield* packImages(lab, "1.0")
  yield* setVersion(lab, "1.0")
  const npu = yield* startNpuSim(lab)

  // The first runs make the code cache and bring the services up.
  for (let run = 0; run < 2; run += 1) yield* firstLook(lab, npu.endpoint)
  const pairs: Array<readonly [number, number]> = []
  for (let run = 0; run < starts; run += 1) pairs.push([floor(), yield* firstLook(lab, npu.endpoint)])

  const daemon = yield* startDaemon(lab, npu.endpoint)
  yield* Effect.sleep(settle * 1000)
  const rest = usageOf(daemon.pid)
  yield* Effect.sleep(5 * settle * 1000)
  return { pairs, rest, later: usageOf(daemon.pid) }
}))

const { later, pairs, rest } = await Effect.runPromise(measured)

const line = (what: string, value: number, digits: number, unit: string, goal?: number): boolean => {
  const met = goal === undefined || value <= goal
  const judged = goal === undefined ? "" : `   goal ${goal}: ${met ? "met" : "missed"}`
  console.log(`${what.padEnd(34)}${value.toFixed(digits).padStart(8)} ${unit.padEnd(14)}${judged}`)
  return met
}

const window = later.at - rest.at
const results = [
  line(`resident after ${settle} s`, rest.resident / megabyte, 1, "MB", goals.resident),
  line(`private after ${settle} s`, rest.private / megabyte, 1, "MB", goals.private),
  line("processor", 100 * (later.cpu - rest.cpu) / window, 2, "% of a core", goals.cpu),
  line(`growth in ${window.toFixed(0)} s`, (later.private - rest.private) / megabyte, 2, "MB, private", goals.growth),
  line("node -e 0", median(pairs.map(([bare]) => bare)), 1, "ms"),
  line("start to first look", median(pairs.map(([, ours]) => ours)), 1, "ms"),
  line("start ÷ floor", median(pairs.map(([bare, ours]) => ours / bare)), 2, `(${starts} pairs)`, goals.start)
]
process.exitCode = results.every(Boolean) ? 0 : 1
