/** How a transfer goes: a bar on a terminal, now and then a line elsewhere. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

import type { DeployStatus } from "../control/views.ts"
import { Screen } from "./screen.ts"
import { bytes, plain } from "./text.ts"

/** Off a terminal: a line at each tenth, or after this many milliseconds without one. */
const quiet = 5_000

/** The rate is of this many last milliseconds. */
const rateWindow = 5_000

const phases: Readonly<Record<DeployStatus["phase"], string>> = {
  checking: "checking the archive",
  waiting: "waiting for the NPU",
  sending: "sending",
  loading: "the NPU is loading it",
  verifying: "verifying by ListImage",
  done: "done"
}

export interface Progress {
  readonly show: (status: DeployStatus) => Effect.Effect<void>
  /** Takes the bar away, so that what is written next stands on a clean line. */
  readonly clear: Effect.Effect<void>
}

interface Sample {
  readonly at: number
  readonly sent: number
}

export const make: Effect.Effect<Progress, never, Screen> = Effect.map(Screen, (screen) => {
  let samples: ReadonlyArray<Sample> = []
  let lastLine = { at: -Infinity, tenth: -1, phase: "" }
  const show = Effect.fnUntraced(function*(status: DeployStatus) {
    const now = yield* Clock.currentTimeMillis
    samples = [...samples.filter((sample) => now - sample.at <= rateWindow), { at: now, sent: status.sentBytes }]
    if (screen.redraws) return yield* screen.err(`\r\u001B[K${barLine(status, rateOf(samples), screen.columns - 1)}`)
    if (status.outcome !== null) return
    const tenth = status.totalBytes === null ? 0 : Math.floor(10 * status.sentBytes / Math.max(1, status.totalBytes))
    if (status.phase === lastLine.phase && tenth === lastLine.tenth && now - lastLine.at < quiet) return
    lastLine = { at: now, tenth, phase: status.phase }
    yield* screen.err(`${textLine(status, rateOf(samples))}\n`)
  })
  return { show, clear: screen.redraws ? screen.err("\r\u001B[K") : Effect.void }
})

/** Bytes a second, 0 where it cannot be told yet. */
const rateOf = (samples: ReadonlyArray<Sample>): number => {
  const first = samples[0]
  const last = samples.at(-1)
  return first === undefined || last === undefined || last.at === first.at
    ? 0
    : Math.max(0, (last.sent - first.sent) * 1000 / (last.at - first.at))
}

const figures = (status: DeployStatus, rate: number): string => {
  const total = status.totalBytes
  if (total === null || status.phase !== "sending") return ""
  const left = rate > 0 ? Math.ceil((total - status.sentBytes) / rate) : undefined
  return [
    `${percent(status)} %`,
    `${bytes(status.sentBytes)} of ${bytes(total)}`,
    ...(rate > 0 ? [`${bytes(Math.round(rate))}/s`] : []),
    ...(left === undefined ? [] : [`${duration(left)} left`])
  ].join(", ")
}

const percent = (status: DeployStatus): number =>
  status.totalBytes === null || status.totalBytes === 0
    ? 0
    : Math.max(0, Math.min(100, Math.floor(100 * status.sentBytes / status.totalBytes)))

const duration = (seconds: number): string =>
  seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`

const nameOf = (status: DeployStatus): string => plain(status.image ?? status.subject)

const textLine = (status: DeployStatus, rate: number): string => {
  const detail = figures(status, rate)
  return `${nameOf(status)}: ${phases[status.phase]}${detail === "" ? "" : `, ${detail}`}`
}

const barLine = (status: DeployStatus, rate: number, columns: number): string => {
  const detail = figures(status, rate)
  const text = detail === "" ? phases[status.phase] : detail
  const room = Math.min(30, columns - text.length - nameOf(status).length - 5)
  const line = room < 8 || status.phase !== "sending"
    ? `${nameOf(status)}  ${text}`
    : `${nameOf(status)}  [${"#".repeat(Math.round(room * percent(status) / 100)).padEnd(room, ".")}] ${text}`
  // Not in the middle of a character.
  return line.slice(0, Math.max(10, columns)).replace(/[\ud800-\udbff]$/, "")
}
