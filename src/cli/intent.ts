/** `offloadctl start` and `stop`: the intent is recorded by the daemon, then its result is waited for. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

import type { ContainerStatus, Desired } from "../control/views.ts"
import { ControlClient } from "./control-client.ts"
import { inSeconds } from "./duration.ts"
import type { ExchangeError } from "./exchange.ts"
import { ExitCode } from "./exit-code.ts"
import { answeredWithin, late } from "./late.ts"
import { patiently, pollUntil } from "./poll.ts"
import { type CliError, Ended } from "./problem.ts"
import { print, say, type Screen } from "./screen.ts"
import { age, plain } from "./text.ts"

export interface IntentOptions {
  /** Instance or service name. */
  readonly container: string
  readonly wait: boolean
  /** How long to wait, in milliseconds. Ends the waiting, never the intent. */
  readonly timeout: number
}

/** Between two looks at the daemon while waiting, in milliseconds. */
const every = 100

/**
 * Records the intent and waits until a look at the NPU shows it fulfilled; a
 * daemon that restarts meanwhile is waited for as well. Fails with Ended: 5
 * where the NPU is not reachable when the time is up, 4 where the daemon is
 * gone then or has not answered at all, 6 otherwise, 1 where somebody asked for the opposite meanwhile.
 */
export const intend = (
  desired: Desired,
  options: IntentOptions
): Effect.Effect<ExitCode, CliError, ControlClient | Screen> =>
  Effect.gen(function*() {
    const client = yield* ControlClient
    const asked = desired === "running" ? client.start(options.container) : client.stop(options.container)
    const accepted = yield* answeredWithin(options.timeout)(asked)
    const name = plain(accepted.container)
    if (!options.wait) {
      yield* print(`recorded: ${name} shall be ${desired}; not waiting for it`)
      return ExitCode.done
    }
    let last: ContainerStatus | ExchangeError | undefined
    const look = Effect.map(patiently("The intent", client.status(accepted.container)), (answer) => {
      last = answer
      return !("_tag" in answer) && isSettled(answer, desired, accepted.recordedAt)
    })
    const settled = yield* pollUntil(look, (done) => done, every).pipe(
      Effect.timeoutOption(options.timeout),
      Effect.onInterrupt(() =>
        say(`offloadctl: interrupted. The intent is recorded and stands: ${name} shall be ${desired}`)
      )
    )
    if (Option.isNone(settled)) {
      const now = yield* Clock.currentTimeMillis
      return yield* late(
        `${name} ${isSeen(last, accepted.recordedAt) ? `is not ${desired} after` : `was not seen ${desired} in`} ${
          inSeconds(options.timeout)
        }. The intent is recorded and stands`,
        last,
        (status) => goingOn(status, now)
      )
    }
    const status = last as ContainerStatus
    if (status.intent.desired !== desired) {
      return yield* new Ended({
        code: ExitCode.failed,
        message: `while waiting for ${name} to be ${desired}, somebody asked for the opposite; that holds now`
      })
    }
    yield* print(doneSentence(status, desired))
    return ExitCode.done
  })

/** Whether it is known how the container is since the intent was recorded. */
const isSeen = (last: ContainerStatus | ExchangeError | undefined, recordedAt: string): boolean => {
  if (last === undefined || "_tag" in last) return false
  const { observedAt, state } = last.container
  return last.npu.reachable === true && state !== "Unknown" && observedAt !== null && observedAt >= recordedAt
}

/** Fulfilled, or overruled by a later intent. */
const isSettled = (status: ContainerStatus, desired: Desired, recordedAt: string): boolean =>
  status.intent.desired === desired
    ? status.intent.fulfilled
    // Until the daemon has read its memory after a restart, it may show an older intent.
    : status.intent.recordedAt !== null && status.intent.recordedAt > recordedAt

const doneSentence = ({ container }: ContainerStatus, desired: Desired): string => {
  const name = plain(container.name)
  if (desired === "stopped") {
    return `${name} is stopped and stays so until "offloadctl start ${plain(container.service)}"`
  }
  const image = container.image === null ? "" : ` on ${plain(container.image)}`
  return `${name} is running${image}`
}

/** What offloadd does, and when it does the next thing. */
const goingOn = ({ activity, container }: ContainerStatus, now: number): string =>
  container.nextRetryAt === null ? activity : `${activity}; the next try is ${age(container.nextRetryAt, now)}`
