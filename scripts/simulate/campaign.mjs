/** Runs many seeds in worker processes, some at a time, and hands over each result. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

import { environment } from "../prepare.mjs"

/** Seeds that one process runs before a fresh one takes over. */
const batch = 20

/**
 * `job` as the worker takes it, without seeds. Resolves when all seeds have run,
 * or, with `stop`, when one has failed.
 */
export const campaign = async ({ bundle, first, job, onResult, seeds, workers }) => {
  let next = first
  const campaigning = { stopped: false }
  const last = first + seeds - 1
  const worker = async () => {
    while (next <= last && !campaigning.stopped) {
      const from = next
      const to = Math.min(last, from + (seeds <= batch * workers ? Math.ceil(seeds / workers / 4) : batch) - 1)
      next = to + 1
      await runBatch(bundle, { ...job, first: from, last: to }, (result) => {
        onResult(result)
        if (job.stop && result.violation !== undefined) campaigning.stopped = true
      })
    }
  }
  await Promise.all(Array.from({ length: workers }, worker))
}

const runBatch = (bundle, job, onResult) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [bundle, JSON.stringify(job)], {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"]
    })
    const lines = createInterface({ input: child.stdout })
    lines.on("line", (line) => onResult(JSON.parse(line)))
    const read = new Promise((done) => lines.once("close", done))
    child.once("error", reject)
    child.once("close", (code) => {
      void read.then(() =>
        code === 0 ? resolve() : reject(new Error(`seeds ${job.first} to ${job.last}: the worker ended with ${code}`))
      )
    })
  })
