/**
 * Simulates many seeds on all cores, and says what was found and what was tried.
 *
 *   npm run simulate -- [--seeds 1000] [--first 1] [--hours 1] [--dpus 1]
 *                       [--faults all] [--workers N] [--report FILE]
 *   npm run simulate -- --sweep [--only SCENARIO] [--every 1] [--workers N]
 *
 * Fails where an invariant was broken, or where a fault, an action, a reason of
 * an event or a branch of the judgement occurred fewer than 50 times in 1,000
 * seeds. `--report` writes how often each branch was taken. Interrupted, it sums
 * up what it has run by then. `--sweep` kills the daemon at every write to its disk
 * instead, in a few scenarios; `--every 40` at every fortieth only.
 */
import { createHash } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"

import { ensureNode, ensurePackages } from "./prepare.mjs"
import { bundleWorker } from "./simulate/bundle.mjs"
import { campaign } from "./simulate/campaign.mjs"
import { branchCoverage, coverage } from "./simulate/coverage.mjs"
import { sweep } from "./simulate/sweep.mjs"

ensureNode()
ensurePackages()

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    first: { type: "string", default: "1" },
    hours: { type: "string", default: "1" },
    dpus: { type: "string", default: "1" },
    faults: { type: "string", default: "all" },
    workers: { type: "string", default: String(availableParallelism()) },
    report: { type: "string" },
    sweep: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    every: { type: "string", default: "1" }
  }
})
const seeds = Number(values.seeds)
const folder = mkdtempSync(join(tmpdir(), "offloader-simulate-"))
const bundle = join(folder, "worker.cjs")
const total = { faults: {}, actions: {}, reasons: {}, branches: {}, looks: 0, hits: 0, cpu: 0, done: 0 }
const failures = []
/** By seed: what two runs of the same seeds must have in common. */
const hashes = new Map()

const add = (into, from) => {
  for (const [key, count] of Object.entries(from)) {
    into[key] = (into[key] ?? 0) + count
  }
}

const explore = async (branches, signal) => {
  const begun = performance.now()
  await campaign({
    bundle,
    signal,
    seeds,
    first: Number(values.first),
    workers: Number(values.workers),
    job: { length: Number(values.hours) * 3_600_000, dpus: Number(values.dpus), profile: values.faults },
    onResult: (result) => {
      for (const kind of ["faults", "actions", "reasons"]) add(total[kind], result[kind])
      add(total.branches, Object.fromEntries(result.branches))
      hashes.set(result.seed, result.hash)
      total.looks += result.looks
      total.hits += result.hitInFlight ? 1 : 0
      total.cpu += result.cpu
      total.done += 1
      if (result.violation !== undefined) {
        failures.push(result)
        const { at, container, invariant, message } = result.violation
        console.log(`seed ${result.seed}  ${(at / 1000).toFixed(3)} s  ${invariant}  ${container ?? ""}  ${message}`)
        console.log(
          `  offloadctl simulate --seed ${result.seed} --hours ${values.hours} --dpus ${values.dpus} --faults ${values.faults}`
        )
      } else if (total.done % 100 === 0) {
        console.log(`${total.done} of ${seeds} seeds, ${((performance.now() - begun) / 1000).toFixed(0)} s`)
      }
    }
  })
  const simulated = total.done * (Number(values.hours) * 3600 + (values.faults === "upgrades" ? 1500 : 300))
  console.log("")
  const thin = coverage(total, total.done).concat(branchCoverage(branches, total.branches, total.done))
  if (values.report !== undefined) {
    const table = branches.map(({ arm, place, text }, number) =>
      `${total.branches[number] ?? 0}\t${place}\t${arm}\t${text}\n`
    )
    writeFileSync(values.report, table.join(""))
  }
  console.log("")
  console.log(
    `${total.done} seeds, ${(simulated / 3600).toFixed(0)} simulated hours, ${total.looks} looks, `
      + `${total.cpu.toFixed(0)} s of CPU: ${Math.round(simulated / total.cpu)} simulated seconds and `
      + `${Math.round(total.looks / total.cpu)} looks a CPU second`
  )
  console.log(`${(100 * total.hits / total.done).toFixed(0)} % of the seeds had a fault while an action was in flight`)
  if (values.faults === "all" && total.done >= 200 && thin.length > 0) {
    console.log(`${thin.length} occurred too seldom`)
    process.exitCode = 1
  }
  if (failures.length > 0) process.exitCode = 1
  const traces = [...hashes].sort(([left], [right]) => left - right).join()
  console.log(`traces ${createHash("sha256").update(traces).digest("hex").slice(0, 16)}`)
  console.log(`${total.done - failures.length} passed, ${failures.length} failed`)
}

const sweepKills = async (signal) => {
  const swept = await sweep({
    bundle,
    signal,
    only: values.only,
    every: Number(values.every),
    workers: Number(values.workers)
  })
  for (const failure of swept.failures) console.log(failure)
  console.log(`${swept.killed} daemons killed in ${swept.runs} runs, ${swept.cpu.toFixed(0)} s of CPU`)
  console.log(`${swept.runs - swept.failures.length} passed, ${swept.failures.length} failed`)
  if (swept.killed === 0 || swept.failures.length > 0) process.exitCode = 1
}

try {
  const branches = await bundleWorker(bundle, { counting: !values.sweep })
  const interrupted = new AbortController()
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupted.abort())
  await (values.sweep ? sweepKills(interrupted.signal) : explore(branches, interrupted.signal))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
