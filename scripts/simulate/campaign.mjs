/** Runs many seeds in worker processes, some at a time, and hands over each result. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

import { environment } from "../prepare.mjs"

/** Seeds that one process runs before a fresh one takes over. */
const usualBatch = 50

/** Most of what a run allocates dies at once: with more room for it, V8 copies less, which spares some 7 % of the time. */
const memory = ["--max-semi-space-size=64"]

/**
 * `job` as the worker takes it, without seeds. Resolves when all seeds have run,
 * or, with `stop`, when one has failed; when `signal` aborts, no more are begun
 * and those under way are given up.
 */
export const campaign = async ({ batch, bundle, first, job, onResult, seeds, signal, workers }) => {
  let next = first
  const campaigning = { stopped: false, children: new Set() }
  const stop = () => {
    campaigning.stopped = true
    for (const child of campaigning.children) child.kill()
  }
  signal?.addEventListener("abort", stop)
  // The sooner the first failing seed is known, the better.
  const size = job.stop ? 2 : batch ?? Math.min(usualBatch, Math.ceil(seeds / workers / 4))
  const last = first + seeds - 1
  const worker = async () => {
    while (next <= last && !campaigning.stopped) {
      const from = next
      const to = Math.min(last, from + size - 1)
      next = to + 1
      await runBatch(campaigning, bundle, { ...job, first: from, last: to }, (result) => {
        onResult(result)
        if (job.stop && result.violation !== undefined) stop()
      })
    }
  }
  await Promise.all(Array.from({ length: workers }, worker))
}

const runBatch = (campaigning, bundle, job, onResult) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...memory, bundle, JSON.stringify(job)], {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"]
    })
    campaigning.children.add(child)
    const lines = createInterface({ input: child.stdout })
    lines.on("line", (line) => onResult(JSON.parse(line)))
    const read = new Promise((done) => lines.once("close", done))
    child.once("error", reject)
    child.once("close", (code) => {
      campaigning.children.delete(child)
      void read.then(() =>
        code === 0 || campaigning.stopped
          ? resolve()
          : reject(new Error(`seeds ${job.first} to ${job.last}: the worker ended with ${code}`))
      )
    })
  })
