/**
 * What an upgrade costs in downtime: offloadd and npu-sim (in memory) as
 * processes, the default policy but for a short gate. For each service from
 * StopContainer received to its new StartContainer answered, by npu-sim's journal;
 * the gates are told apart. Once with the images staged ahead, once without: there
 * nothing is stopped before the last image is shown. Exits 1 where a goal is missed.
 *
 *   npm run bench -- upgrade
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

import { type Lab, makeLab, offloadctl, packImages, setVersion, startDaemon, startNpuSim, until } from "../bin/lab.ts"
import { type JournalCall, read } from "../layers/npu-sim/journal.ts"

/** An upgrade that did not go as it should. */
class Missed extends Data.TaggedError("Missed")<{ readonly message: string }> {}

/** Milliseconds that the three services may be away, added up, where their images were there. */
const goal = 3000
const versions = ["20260101.1", "20260202.2", "20260303.3"] as const
const dist = join(import.meta.dirname, "..", "dist")

const runs = (lab: Lab, version: string) =>
  until(
    lab,
    `all run ${version}`,
    (list) =>
      list.containers.every((one) => one.state === "Running" && one.version === version && one.healthy === "True"),
    "120 seconds"
  )

interface Switch {
  readonly container: string
  /** Milliseconds. */
  readonly away: number
  readonly stopped: number
}

const switches = (calls: ReadonlyArray<JournalCall>, lab: Lab): ReadonlyArray<Switch> =>
  lab.containers.flatMap(({ name }) => {
    const stop = calls.find(({ method, subject }) => method === "StopContainer" && subject === name)
    const start = calls.find(({ answered, method, subject }) =>
      method === "StartContainer" && subject === name && answered?.status === "OK"
    )
    return stop === undefined || start?.answered === undefined
      ? []
      : [{
        container: name,
        away: (start.answered.micros - stop.received.micros) / 1000,
        stopped: stop.received.micros / 1000
      }]
  })

const measure = Effect.fnUntraced(function*(lab: Lab, version: string, staged: boolean) {
  if (staged) {
    const { code, output } = yield* offloadctl(lab, ["upgrade", "--to", version, "--stage-only", "--wait"])
    if (code !== 0) return yield* new Missed({ message: output })
  }
  const before = read(lab.journal).length
  yield* setVersion(lab, version)
  yield* runs(lab, version)
  // A version that comes before the commit would first bring this one back.
  yield* offloadctl(lab, ["plan", "-o", "json"]).pipe(
    Effect.map(({ output }) => JSON.parse(output) as { readonly phase: string }),
    Effect.repeat({ until: ({ phase }) => phase === "idle" }),
    Effect.timeoutFail({ duration: "60 seconds", onTimeout: () => new Missed({ message: "it was not committed" }) })
  )
  const calls = read(lab.journal).slice(before)
  const done = switches(calls, lab)
  if (done.length !== lab.containers.length) return yield* new Missed({ message: "not every service was switched" })
  const deploys = calls.filter(({ method }) => method === "Deploy")
  const lastByte = Math.max(0, ...deploys.map(({ answered }) => (answered?.micros ?? Number.POSITIVE_INFINITY) / 1000))
  const total = done.reduce((sum, { away }) => sum + away, 0)
  const first = Math.min(...done.map(({ stopped }) => stopped))
  const last = Math.max(...done.map(({ away, stopped }) => stopped + away))
  console.log(staged ? "staged ahead" : "\nnot staged")
  for (const { away, container } of done) console.log(`  ${container.padEnd(14)} away for ${away.toFixed(0)} ms`)
  console.log(`  sum ${total.toFixed(0)} ms; gates and waits between them ${(last - first - total).toFixed(0)} ms`)
  console.log(
    deploys.length === 0
      ? "  nothing was sent"
      : `  ${deploys.length} images were sent; the first stop came ${
        (first - lastByte).toFixed(0)
      } ms after the last was loaded`
  )
  return { total, deploys: deploys.length, early: first < lastByte }
})

const bench = Effect.scoped(Effect.gen(function*() {
  const lab = yield* makeLab(dist)
  for (const version of versions) yield* packImages(lab, version)
  yield* setVersion(lab, versions[0])
  const policy = join(lab.folder, "short-gate-and-probation.json")
  writeFileSync(
    policy,
    JSON.stringify({ upgrade: { gate: "2s", probation: "5s", unhealthyFor: "4s", saveEvery: "1s" } })
  )
  const { endpoint } = yield* startNpuSim(lab)
  yield* startDaemon(lab, endpoint, ["--policy", policy])
  yield* runs(lab, versions[0])
  const staged = yield* measure(lab, versions[1], true)
  const unstaged = yield* measure(lab, versions[2], false)
  const missed = [
    ...(staged.total > goal
      ? [`staged ahead the three are away for ${staged.total.toFixed(0)} ms, goal ${goal} ms`]
      : []),
    ...(staged.deploys > 0 ? ["what was staged ahead was sent again"] : []),
    ...(unstaged.early ? ["something was stopped before the last image was loaded"] : [])
  ]
  console.log(`\nratio to the goal of ${goal} ms: ${(staged.total / goal).toFixed(2)}`)
  for (const message of missed) console.error(message)
  process.exitCode = missed.length === 0 ? 0 : 1
}))

await Effect.runPromise(bench)
