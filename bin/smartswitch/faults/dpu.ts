/** Faults of a DPU and of the daemon on it. */
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"

import * as Effect from "effect/Effect"

import { ProcessError } from "../../../layers/lab/process.ts"
import type { ContainerList } from "../../../src/control/views.ts"
import { setVersion, until } from "../../lab.ts"
import { every, type Fault, over, unreachable } from "../fault.ts"
import { type Dpu, whyNoClock } from "../switch.ts"
import { containerKill } from "./npu.ts"

export const daemonKill: Fault = {
  summary: "offloadd is killed by SIGKILL, and started again",
  on: "dpu",
  inject: (_, { daemon }) => Effect.as(daemon.kill, daemon.start)
}

export const diskFull: Fault = {
  summary: "the disk of the DPU's state folder is full, and then its gnmi is killed",
  on: "dpu",
  inject: (lab, dpu) =>
    Effect.gen(function*() {
      const ballast = join(dpu.lab.state, "ballast")
      yield* Effect.sync(() => fill(ballast))
      // Its restart is to be remembered, which is what cannot be done.
      yield* Effect.asVoid(containerKill.inject(lab, dpu))
      return Effect.sync(() => rmSync(ballast))
    }),
  shows: ({ conditions }) => conditions.some(({ status, type }) => type === "StateDurable" && status === "False"),
  ...(containerKill.costs === undefined ? {} : { costs: containerKill.costs })
}

const hour = 3600

export const clockAhead: Fault = {
  ...clockMoved(hour),
  summary: "the wall clock of the DPU jumps an hour ahead while its connections break"
}

export const clockBehind: Fault = {
  ...clockMoved(-hour),
  summary: "the wall clock of the DPU jumps an hour back while its connections break"
}

export const clockPastCertificates: Fault = {
  ...clockMoved(30 * 24 * hour),
  summary: "the wall clock of the DPU is a month ahead, where all certificates have expired",
  shows: unreachable
}

export const upgrade: Fault = {
  summary: "all DPUs come up with another SONiC version at once",
  on: "switch",
  inject: ({ dpus, release }) =>
    Effect.gen(function*() {
      const version = yield* release
      yield* Effect.forEach(dpus, ({ lab }) => setVersion(lab, version))
      return over
    }),
  shows: (list, before) => list.targetVersion !== before.targetVersion,
  costs: every
}

function clockMoved(seconds: number): Omit<Fault, "summary"> {
  return {
    on: "dpu",
    missing: whyNoClock,
    inject: (lab, dpu) =>
      Effect.gen(function*() {
        yield* tellClock(dpu, seconds)
        // Certificates are judged when a connection is made: that is to be by the new clock.
        yield* Effect.mapError(
          until(dpu.lab, "the new clock", (list) => isOff(list, seconds)),
          ({ message }) => new ProcessError({ message })
        )
        yield* lab.npu.administer("cut")
        return tellClock(dpu, 0)
      }),
    healed: (list) => isOff(list, 0)
  }
}

/** Whether the daemon's newest look is about so many seconds off this machine's clock. */
const isOff = (list: ContainerList, seconds: number): boolean => Math.abs(offsetOf(list) - seconds) < hour / 2

const offsetOf = ({ containers }: ContainerList): number => {
  const looks = containers.flatMap(({ observedAt }) => observedAt === null ? [] : [Date.parse(observedAt)])
  return (Math.max(...looks) - Date.now()) / 1000
}

const tellClock = (dpu: Dpu, seconds: number): Effect.Effect<void, ProcessError> =>
  dpu.clock === undefined
    ? new ProcessError({ message: `the clock of ${dpu.name} cannot be moved` })
    : Effect.sync(() => writeFileSync(dpu.clock!, `${seconds < 0 ? "" : "+"}${seconds}\n`))

const fill = (path: string): void => {
  const file = openSync(path, "w")
  const piece = Buffer.alloc(64 * 1024)
  try {
    for (let size = piece.length; size > 0; size = size >> 1) {
      try {
        for (;;) writeSync(file, piece, 0, size)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error
      }
    }
  } finally {
    closeSync(file)
  }
}
