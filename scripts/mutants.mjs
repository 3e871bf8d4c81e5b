/**
 * Plants faults in the daemon, one at a time, and says which invariant caught
 * each, and after how many seeds.
 *
 *   npm run mutants -- [--seeds 200] [--hours 1] [--only TEXT] [--profile NAME]
 *                      [--quick] [--check] [--workers N]
 *
 * Fails where one is not caught, or where an invariant never fired. `--profile`
 * plants only those that are hunted in these faults; `--quick` only those that are
 * caught by the first seeds; `--check` none, and says only whether their patches
 * still fit the sources.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"

import { ensureNode, ensurePackages, root, stop } from "./prepare.mjs"
import { bundleWorker } from "./simulate/bundle.mjs"
import { campaign } from "./simulate/campaign.mjs"
import { misfits, mutants, patchesOf } from "./simulate/mutants.mjs"

ensureNode()
ensurePackages()

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    hours: { type: "string", default: "1" },
    only: { type: "string", default: "" },
    profile: { type: "string" },
    quick: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    workers: { type: "string", default: String(availableParallelism()) }
  }
})

const unfit = misfits((file) => readFileSync(join(root, file), "utf8"))
if (unfit.length > 0) stop(unfit.join("\n"))
if (values.check) {
  console.log(`the patches of all ${mutants.length} mutants fit`)
  process.exit(0)
}

/** Runs seeds from 1 on against the mutant until one fails; answers how it ended. */
const hunt = async (mutant, folder) => {
  const bundle = join(folder, "worker.cjs")
  await bundleWorker(bundle, { patches: patchesOf(mutant) })
  let caught
  await campaign({
    bundle,
    first: 1,
    seeds: Number(values.seeds),
    workers: Number(values.workers),
    job: {
      length: (mutant.hours ?? Number(values.hours)) * 3_600_000,
      dpus: mutant.dpus ?? 1,
      profile: mutant.profile ?? "all",
      stop: true
    },
    onResult: ({ seed, violation }) => {
      if (violation !== undefined && (caught === undefined || seed < caught.seed)) {
        caught = { seed, invariant: violation.invariant }
      }
    }
  })
  return caught
}

const chosen = mutants.filter(({ name, profile = "all", quick = false }) =>
  name.includes(values.only) && (values.profile ?? profile) === profile && (quick || !values.quick)
)
const folder = mkdtempSync(join(tmpdir(), "offloader-mutants-"))
const fired = new Set()
let missed = 0
try {
  console.log(`${"mutant".padEnd(66)}  ${"caught by".padEnd(20)}  seeds  meant for`)
  for (const mutant of chosen) {
    const caught = await hunt(mutant, folder)
    if (caught === undefined) missed += 1
    else fired.add(caught.invariant)
    console.log(
      `${mutant.name.padEnd(66)}  ${(caught?.invariant ?? "NOT CAUGHT").padEnd(20)}  ${
        String(caught?.seed ?? "-").padStart(5)
      }  ${mutant.expects}`
    )
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const silent = [...new Set(mutants.map(({ expects }) => expects))].filter((name) => !fired.has(name))
if (chosen.length === mutants.length && silent.length > 0) console.log(`never fired: ${silent.join(", ")}`)
if (missed > 0) process.exitCode = 1
console.log(`${chosen.length - missed} passed, ${missed} failed`)
