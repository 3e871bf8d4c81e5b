/**
 * How fast the simulator runs: simulated seconds, and completed looks, for each
 * CPU second of one core, on the same 20 seeds, invariants on, with all faults
 * and with none; one DPU of three services, and eight DPUs on one NPU. One look
 * a second for each DPU. The same worker as `npm run simulate` runs, without its
 * counting of branches.
 *
 *   npm run bench -- simulation [MINUTES]
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { bundleWorker } from "../scripts/simulate/bundle.mjs"
import { campaign } from "../scripts/simulate/campaign.mjs"
import { quietEnd } from "../src/simulate/simulator.ts"

const seeds = 20
/** Minutes of simulated time with faults; five without follow. */
const minutes = Number(process.argv[2] ?? 10)

/** Simulated seconds, and looks, a CPU second that are asked for, and the seconds that are aimed at. */
const cases = [
  { dpus: 1, profile: "none", required: 2000, looks: 1900, goal: 5000 },
  { dpus: 1, profile: "all", required: 2000, looks: 1900, goal: 5000 },
  { dpus: 8, profile: "none", required: 250, looks: undefined, goal: 600 },
  { dpus: 8, profile: "all", required: 250, looks: undefined, goal: 600 }
] as const

const measure = async (bundle: string, dpus: number, profile: "none" | "all") => {
  const length = minutes * 60_000 / (dpus === 1 ? 1 : 5)
  const sum = { looks: 0, cpu: 0, violations: 0 }
  await campaign({
    bundle,
    // What V8 has not compiled yet is not what is measured: the same process runs as many seeds before.
    first: 1,
    seeds: 2 * seeds,
    batch: 2 * seeds,
    workers: 1,
    job: { length, dpus, profile },
    onResult: ({ cpu, looks, seed, violation }) => {
      if (seed <= seeds) return
      sum.looks += looks
      sum.cpu += cpu
      sum.violations += violation === undefined ? 0 : 1
    }
  })
  return { ...sum, simulated: seeds * (length + quietEnd(profile)) / 1000 }
}

const folder = mkdtempSync(join(tmpdir(), "offloader-bench-"))
try {
  const bundle = join(folder, "worker.cjs")
  await bundleWorker(bundle)
  for (const { dpus, goal, looks, profile, required } of cases) {
    const measured = await measure(bundle, dpus, profile)
    const a = (amount: number): string => (amount / measured.cpu).toFixed(0).padStart(5)
    console.log(
      `${dpus} DPU${dpus === 1 ? " " : "s"}, faults ${profile.padEnd(4)}  `
        + `${a(measured.simulated)} simulated s and ${a(measured.looks)} looks a CPU second  `
        + `(asked ${required}${looks === undefined ? "" : ` and ${looks}`}, goal ${goal}; `
        + `${measured.cpu.toFixed(1)} s of CPU, ${measured.violations} violations)`
    )
    if (measured.violations > 0) process.exitCode = 1
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
