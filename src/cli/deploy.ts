/** `offloadctl deploy`: a transfer that the daemon makes, watched until it ends. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"

import type { DeployRequest, DeployStatus } from "../control/views.ts"
import { parse } from "../model/image.ts"
import { ControlClient } from "./control-client.ts"
import { inSeconds } from "./duration.ts"
import { ExitCode } from "./exit-code.ts"
import { LocalFiles } from "./local-files.ts"
import { pollUntil } from "./poll.ts"
import { type CliError, Ended, Usage } from "./problem.ts"
import * as Progress from "./progress.ts"
import { type Format, print, printJson, say, type Screen } from "./screen.ts"
import { bytes, plain } from "./text.ts"

export interface DeployOptions {
  /** An archive's path, or `name:tag`. */
  readonly image: string
  /** When to cancel, in milliseconds; never where not given. */
  readonly timeout: number | undefined
  readonly output: Format
}

/** Between two looks at the transfer, in milliseconds. */
const every = 200

/** How long the daemon may take to cancel and read back, in milliseconds. */
const cancelPatience = 15_000

/**
 * Sends the image and shows how it goes. Where the time is up or the person
 * interrupts, the transfer is cancelled and what the NPU then shows is said.
 * Exits by the outcome: succeeded 0, rejected or failed 1, unproven 3, unreachable 5,
 * cancelled by `--timeout` 6, or 5 where the NPU was not reachable then.
 */
export const deploy = (
  options: DeployOptions
): Effect.Effect<ExitCode, CliError, ControlClient | LocalFiles | Screen> =>
  Effect.gen(function*() {
    const client = yield* ControlClient
    const request = yield* requestOf(options.image)
    const begun = yield* client.deploy(request)
    // A word on the way back: whatever ends the watching early also ends the transfer.
    const watched = yield* watch(begun).pipe(
      options.timeout === undefined ? Effect.map(Option.some) : Effect.timeoutOption(options.timeout),
      Effect.onInterrupt(() => Effect.ignore(Effect.flatMap(cancel(begun.operation), sayCancelled)))
    )
    if (Option.isSome(watched)) return yield* conclude(watched.value, options.output)
    const after = yield* Effect.onInterrupt(cancel(begun.operation), () =>
      say("offloadctl: the deploy is being cancelled; what arrived is read back, and \"offloadctl events\" will say"))
    // It may have ended by itself at the last moment; then that is what counts.
    if (after.outcome !== null && after.outcome !== "cancelled") {
      return yield* conclude(after, options.output)
    }
    if (options.output === "json") {
      yield* printJson(after)
    }
    const away = yield* unreachableNpu
    if (Option.isSome(away)) {
      return yield* new Ended({
        code: ExitCode.unreachable,
        message: `the deploy was cancelled after ${inSeconds(options.timeout ?? 0)}: the NPU cannot be reached (${
          plain(away.value.reason ?? "it does not answer")
        })`
      })
    }
    return yield* new Ended({
      code: ExitCode.timedOut,
      message: `the deploy was not over after ${inSeconds(options.timeout ?? 0)}: ${afterCancel(after)}`
    })
  })

/** A path where it has a slash or is there as a file, else `name:tag`. */
const requestOf = Effect.fnUntraced(function*(image: string) {
  const files = yield* LocalFiles
  // The registry part of a name holds slashes as well, but then it has a tag and no file of that name.
  const missing = yield* files.missing(image)
  const name = parse(image)
  if (missing === undefined || (image.includes("/") && Either.isLeft(name)) || /^\.{0,2}\//.test(image)) {
    if (missing !== undefined) return yield* new Usage({ message: missing })
    return { path: yield* files.resolve(image) } satisfies DeployRequest
  }
  return yield* Either.match(name, {
    onLeft: (why) =>
      new Usage({ message: `${missing}, and it is no NAME:TAG either (${why}); give an archive's path or NAME:TAG` }),
    onRight: () => Effect.succeed<DeployRequest>({ image })
  })
})

const hasEnded = (status: DeployStatus): boolean => status.outcome !== null

/** Follows the transfer to its end. */
const watch = (begun: DeployStatus) =>
  Effect.gen(function*() {
    const client = yield* ControlClient
    const progress = yield* Progress.make
    yield* progress.show(begun)
    const look = Effect.tap(client.deployment(begun.operation), progress.show)
    return yield* Effect.ensuring(pollUntil(look, hasEnded, every), progress.clear)
  }).pipe(Effect.catchTag("NoDaemon", (error) =>
    new Ended({
      code: ExitCode.noDaemon,
      message: `offloadd went away during the deploy (${error.message}); `
        + "the transfer ended with it. Run the same deploy again once it is back"
    })))

const unreachableNpu = Effect.gen(function*() {
  const view = yield* Effect.option((yield* ControlClient).version)
  return Option.filter(Option.map(view, ({ npu }) => npu), ({ reachable }) => reachable === false)
})

/** Asks the daemon to cancel, and waits for what its read-back of the NPU showed. */
const cancel = (operation: string) =>
  Effect.gen(function*() {
    const client = yield* ControlClient
    const asked = yield* client.cancel(operation)
    // From an NPU that is away nothing can be read back: there is nothing to wait for.
    if (hasEnded(asked) || Option.isSome(yield* unreachableNpu)) return asked
    const look = Effect.zip(client.deployment(operation), unreachableNpu)
    const ended = yield* pollUntil(look, ([status, away]) => hasEnded(status) || Option.isSome(away), every).pipe(
      // Also after Ctrl-C, where nothing else can be interrupted any more.
      Effect.interruptible,
      Effect.timeoutOption(cancelPatience)
    )
    return Option.match(ended, { onNone: () => asked, onSome: ([status]) => status })
  })

const afterCancel = (status: DeployStatus): string =>
  status.outcome === null
    ? "it is cancelled; offloadd is still reading back what arrived, and \"offloadctl events\" will say"
    : plain(status.message ?? "it was cancelled")

const sayCancelled = (status: DeployStatus) =>
  say(
    status.outcome === "cancelled" || status.outcome === null
      ? `offloadctl: the deploy was interrupted: ${afterCancel(status)}`
      : `offloadctl: the deploy had ended already (${status.outcome}). ${plain(status.message ?? "")}`
  )

const conclude = Effect.fnUntraced(function*(status: DeployStatus, output: Format) {
  if (output === "json") yield* printJson(status)
  const message = plain(status.message ?? "")
  switch (status.outcome) {
    case "succeeded": {
      if (output === "table") yield* print(yield* successSentence(status))
      return ExitCode.done
    }
    case "unproven":
      return yield* new Ended({ code: ExitCode.degraded, message: `the deploy ended without proof: ${message}` })
    case "unreachable":
      return yield* new Ended({ code: ExitCode.unreachable, message: `the NPU could not be reached: ${message}` })
    case "cancelled":
      return yield* new Ended({
        code: ExitCode.failed,
        message: `the deploy was ended by somebody else: ${message}`
      })
    case "rejected":
      return yield* new Ended({ code: ExitCode.failed, message: `rejected, nothing was sent: ${message}` })
    case "failed":
    case null:
      return yield* new Ended({ code: ExitCode.failed, message: `the deploy failed: ${message}` })
  }
})

const successSentence = Effect.fnUntraced(function*(status: DeployStatus) {
  const now = yield* Clock.currentTimeMillis
  const ended = status.endedAt === null ? now : Date.parse(status.endedAt)
  const seconds = Math.max(0, ended - Date.parse(status.startedAt)) / 1000
  const amount = status.sentBytes === 0 ? "" : ` (${bytes(status.sentBytes)} in ${seconds.toFixed(1)} s)`
  return `deployed ${plain(status.image ?? status.subject)}${amount}${
    status.message === null ? "" : `: ${plain(status.message)}`
  }`
})
