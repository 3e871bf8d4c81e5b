/** The demonstration ends what it has started, however it is told to end. */
import { readFileSync } from "node:fs"
import { join } from "node:path"

import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { start, systemPath } from "../../layers/lab/process.ts"

const demo = join(import.meta.dirname, "..", "..", "dist", "demo.cjs")

const childrenOf = (pid: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter((text) => text !== "").map(Number)

/** A zombie whose parent is gone may stand in /proc for a moment; it runs no more. */
const runs = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}

const ends = [
  { how: "twice", signals: ["SIGTERM", "SIGINT"] },
  { how: "by its terminal, which closes", signals: ["SIGHUP"] }
] as const

it.live.each(ends)(
  "leaves no process where it is told to end $how",
  ({ signals }) =>
    Effect.scoped(Effect.gen(function*() {
      const running = yield* start(process.execPath, [demo], { env: { PATH: systemPath } })
      yield* running.line(/The NPU answers/)
      const children = childrenOf(running.pid)
      assert.lengthOf(children.filter(runs), 2)
      for (const signal of signals) {
        yield* running.signal(signal)
        // By then it is ending, and the simulator is left; or it has ended before it could pass that line on.
        yield* Effect.ignore(running.line(/offloadd has stopped/))
      }
      yield* running.exit
      assert.deepStrictEqual(children.filter(runs), [])
    }))
)
