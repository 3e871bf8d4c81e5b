/** A whole DPU whose NPU goes dark: the daemon behind a link that swallows everything, and what it costs to wait. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { join } from "node:path"

import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

import { startDaemon, startNpuSim, until } from "../../bin/lab.ts"
import { start } from "../../layers/lab/process.ts"
import { allRunning, makeSwitchAt } from "./switch.ts"

/** Three services running, seen through a link that is then stopped; and the daemon that sees nothing any more. */
export const darkened = Effect.gen(function*() {
  const lab = yield* makeSwitchAt("20260101.1")
  const npu = yield* startNpuSim(lab)
  const link = yield* start(process.execPath, [
    join(import.meta.dirname, "dark-link.cjs"),
    npu.endpoint.split(":").at(-1)!
  ])
  // A stopped process takes no SIGTERM.
  yield* Effect.addFinalizer(() => link.signal("SIGCONT"))
  const [port] = yield* link.line(/^\d+$/)
  const daemon = yield* startDaemon(lab, `127.0.0.1:${port}`)
  yield* until(lab, "three running", allRunning)
  yield* link.signal("SIGSTOP")
  const list = yield* until(lab, "dark", (list) => list.npu.reachable === false)
  return { lab, daemon, link, list }
})

interface Holdings {
  readonly rssKiB: number
  /** What each is of, as /proc shows it, without the numbers of sockets and pipes, and without sockets that connect; sorted. */
  readonly descriptors: ReadonlyArray<string>
}

const holdings = (pid: number): Holdings => {
  const targets = readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => targetOf(`/proc/${pid}/fd/${descriptor}`))
  // Read afterwards: what is connecting by now was there before or is not among them.
  const attempts = connecting(pid)
  return {
    rssKiB: Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
    descriptors: targets.filter((target) => !attempts.has(target)).map((target) => target.replace(/:\[\d+\]$/, ""))
      .sort()
  }
}

/** None where it was closed meanwhile. */
const targetOf = (link: string): ReadonlyArray<string> => {
  try {
    return [readlinkSync(link)]
  } catch {
    return []
  }
}

/** The sockets in state SYN_SENT, which /proc calls 02. */
const connecting = (pid: number): ReadonlySet<string> =>
  new Set(
    readFileSync(`/proc/${pid}/net/tcp`, "utf8").split("\n").map((line) => line.trim().split(/\s+/))
      .filter(([, , , state]) => state === "02").map((fields) => `socket:[${fields[9]}]`)
  )

/**
 * What a process holds, over so many seconds: the least of its memory, which is
 * what collections leave (between two of them it rises by some MiB), and the least
 * of its descriptors, since a probe, a file being read and one being written have
 * each one for a moment.
 */
export const held = (pid: number, seconds: number): Effect.Effect<Holdings> =>
  Effect.sync(() => holdings(pid)).pipe(
    Effect.repeat(
      Schedule.intersect(Schedule.spaced("100 millis"), Schedule.recurs(seconds * 10)).pipe(
        Schedule.zipRight(Schedule.identity<Holdings>()),
        Schedule.collectAllOutputs
      )
    ),
    Effect.map((all) => {
      const samples = Array.from(all)
      return {
        rssKiB: Math.min(...samples.map(({ rssKiB }) => rssKiB)),
        descriptors: samples.map(({ descriptors }) => descriptors).reduce((least, one) =>
          one.length < least.length ? one : least
        )
      }
    })
  )

/** As a line of figures. */
export const figures = (when: string, { descriptors, rssKiB }: Holdings): string =>
  `black hole: ${when}: RSS ${(rssKiB / 1024).toFixed(1)} MiB, ${descriptors.length} descriptors`
