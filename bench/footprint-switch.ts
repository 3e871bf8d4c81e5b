/**
 * What eight daemons take at rest on one NPU, each with three services, mutual
 * TLS, hints and probes, and what the NPU's side takes as their number grows: 1,
 * 2, 4, 8. All on this machine's loopback; npu-sim in memory. Exits 1 where a
 * limit is missed.
 *
 *   npm run bench -- footprint-switch [SECONDS]
 *
 * Each number of daemons rests for SECONDS (60) before it is measured for as long.
 */
import { join } from "node:path"

import * as Effect from "effect/Effect"

import { makeLab, neighbour, packImages, setVersion, startDaemon, startNpuSim, until } from "../bin/lab.ts"
import { makeAuthority, type Pair, valid } from "../layers/lab/certificates.ts"
import { megabyte, type Usage, usageOf } from "./support/usage.ts"

const seconds = Math.max(5, Number(process.argv[2] ?? 60))
/** MB and % of a core for each daemon: what must hold, and what is aimed at. */
const limits = { resident: 75, cpu: 1 }
const goals = { resident: 60, cpu: 0.6 }
/** Twice the daemons may take the NPU's side twice as much, and this much for noise. */
const linear = 2 * 1.15
const counts = [1, 2, 4, 8]
const dist = join(import.meta.dirname, "..", "dist")

interface Measured {
  /** MB. */
  readonly resident: number
  /** % of a core. */
  readonly cpu: number
}

const over = (before: Usage, after: Usage): Measured => ({
  resident: after.resident / megabyte,
  cpu: 100 * (after.cpu - before.cpu) / (after.at - before.at)
})

const tls = (authority: string, { certificate, key }: Pair) => [
  ...["--tls-ca", authority, "--tls-cert", certificate, "--tls-key", key]
]

const measured = (count: number) =>
  Effect.scoped(Effect.gen(function*() {
    const lab = yield* makeLab(dist)
    yield* packImages(lab, "1.0")
    const authority = yield* makeAuthority(join(lab.folder, "certificates"))
    const own = yield* authority.issue("npu", "127.0.0.1", valid)
    const npu = yield* startNpuSim(lab, tls(authority.certificate, own))
    const daemons = yield* Effect.forEach(Array.from({ length: count }, (_, dpu) => neighbour(lab, dpu)), (one) =>
      Effect.gen(function*() {
        yield* setVersion(one, "1.0")
        const pair = yield* authority.issue(`dpu${one.dpu}`, "127.0.0.1", valid)
        const daemon = yield* startDaemon(one, npu.endpoint, tls(authority.certificate, pair))
        yield* until(one, "all run and answer", ({ containers }) =>
          containers.every(({ healthy, state }) =>
            state === "Running" && healthy === "True"
          ))
        return daemon
      }))
    yield* Effect.sleep(seconds * 1000)
    const usage = Effect.sync(() => [npu.process, ...daemons].map(({ pid }) => usageOf(pid)))
    const before = yield* usage
    yield* Effect.sleep(seconds * 1000)
    const [server, ...each] = (yield* usage).map((after, index) => over(before[index]!, after))
    return { count, server: server!, each }
  }))

const rows = await Effect.runPromise(Effect.forEach(counts, measured))

const worst = (numbers: ReadonlyArray<number>): number => Math.max(...numbers)

console.log("daemons   each, worst: resident, processor   npu-sim: resident, processor")
for (const { count, each, server } of rows) {
  const cells = [
    worst(each.map(({ resident }) => resident)).toFixed(1),
    worst(each.map(({ cpu }) => cpu)).toFixed(2),
    server.resident.toFixed(1),
    server.cpu.toFixed(2)
  ]
  console.log(
    `${String(count).padStart(7)}   ${cells[0]!.padStart(15)} MB ${cells[1]!.padStart(9)} %   ${
      cells[2]!.padStart(12)
    } MB ${cells[3]!.padStart(9)} %`
  )
}

const line = (what: string, value: number, limit: number, goal?: number): boolean => {
  const met = value <= limit
  const aimed = goal === undefined ? "" : `, goal ${goal}: ${value <= goal ? "met" : "missed"}`
  console.log(`${what.padEnd(52)}${value.toFixed(2).padStart(8)}   limit ${limit}: ${met ? "met" : "missed"}${aimed}`)
  return met
}

const [, , four, eight] = rows
const results = [
  line(
    "resident of the worst of eight, MB",
    worst(eight!.each.map((one) => one.resident)),
    limits.resident,
    goals.resident
  ),
  line("processor of the worst of eight, % of a core", worst(eight!.each.map((one) => one.cpu)), limits.cpu, goals.cpu),
  line("npu-sim's processor, eight daemons ÷ four", eight!.server.cpu / four!.server.cpu, linear),
  line("npu-sim's memory, eight daemons ÷ four", eight!.server.resident / four!.server.resident, linear)
]
process.exitCode = results.every(Boolean) ? 0 : 1
