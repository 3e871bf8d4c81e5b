/** Kills the daemon of each scenario at every write to its disk, at every point of it, and compares how it ends. */
import { campaign } from "./campaign.mjs"

/**
 * Every `every`-th kill of each scenario whose name holds `only`. Yields how many
 * daemons were killed, and a line for each run that broke an invariant or came to
 * another end than the one without a kill.
 */
export const sweep = async ({ bundle, every, only, signal, workers }) => {
  const references = []
  await campaign({
    bundle,
    signal,
    seeds: 1,
    first: 0,
    workers: 1,
    job: { sweep: "" },
    onResult: (result) => references.push(result)
  })
  const failures = []
  let killed = 0
  let runs = 0
  let cpu = 0
  for (const reference of references.filter(({ scenario }) => scenario.includes(only))) {
    const { end, scenario, writes } = reference
    if (reference.violation !== undefined) failures.push(`${scenario}: without a kill: ${reference.violation}`)
    const before = { killed, failed: failures.length }
    await campaign({
      bundle,
      signal,
      seeds: Math.ceil(3 * writes / every),
      first: 0,
      workers,
      job: { sweep: scenario, writes, every },
      onResult: (result) => {
        runs += 1
        killed += result.killed
        cpu += result.cpu
        const why = result.violation
          ?? (result.killed === 0
            ? "the daemon was not killed"
            : result.end === end
            ? undefined
            : `it ends otherwise: ${result.end}`)
        if (why !== undefined) {
          failures.push(`offloadctl simulate --scenario ${scenario} --kill ${result.kill}\n  ${why}`)
        }
      }
    })
    console.log(
      `${scenario.padEnd(24)}  ${String(writes).padStart(4)} writes  ${
        String(killed - before.killed).padStart(5)
      } kills  ${failures.length - before.failed} failed`
    )
  }
  return { failures, killed, runs, cpu }
}
