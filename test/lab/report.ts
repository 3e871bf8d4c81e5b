/** The table of a lab's trials, as docs/lab-results.md has it. */
import type { Trial } from "./trial.ts"

/** One row for each fault: of several trials the worst. */
export const table = (trials: ReadonlyArray<Trial>): string => {
  const rows = [...new Set(trials.map(({ fault }) => fault))].map((fault) => {
    const of = trials.filter((trial) => trial.fault === fault)
    const detected = of.flatMap((trial) => trial.detected ?? [])
    return [
      fault,
      [...new Set(of.flatMap((trial) => trial.shownAs ?? []))].join(", "),
      of.length,
      detected.length === 0 ? "nothing shows" : seconds(Math.max(...detected)),
      seconds(Math.max(...of.map(({ healed }) => healed))),
      of.reduce((sum, { due }) => sum + due, 0),
      of.reduce((sum, { falseRestarts }) => sum + falseRestarts, 0)
    ]
  })
  const head = ["fault", "shown as", "trials", "time to detect", "time to heal", "starts due", "false restarts"]
  return [head, ["---", "---", "--:", "--:", "--:", "--:", "--:"], ...rows].map((row) => `| ${row.join(" | ")} |`).join(
    "\n"
  )
}

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`
