/** `offloadctl upgrade` and `rollback`: the order is durable when the daemon answers; its end can be waited for. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

import type { OrderTaken, UpgradeView } from "../control/upgrade-views.ts"
import { split } from "../model/image.ts"
import { inSeconds } from "./duration.ts"
import type { ExchangeError } from "./exchange.ts"
import { ExitCode } from "./exit-code.ts"
import { answeredWithin, late } from "./late.ts"
import { give } from "./order.ts"
import { ask, outcomes } from "./plan.ts"
import { patiently, pollUntil } from "./poll.ts"
import { Ended } from "./problem.ts"
import { print, say } from "./screen.ts"
import { plain } from "./text.ts"

export interface UpgradeOptions {
  readonly to: string | undefined
  readonly stageOnly: boolean
  readonly wait: boolean
  /** Milliseconds. Ends the waiting, never the upgrade. */
  readonly timeout: number | undefined
}

/** Said to whoever gives no time to wait. */
export const withoutWait = "without --wait nothing is waited for"

/** Between two looks at the daemon while waiting, in milliseconds. */
const every = 500

export const upgrade = Effect.fn("upgrade")(function*(options: UpgradeOptions) {
  const taken = yield* answeredWithin(options.timeout)(give("upgrade", {
    ...(options.to === undefined ? {} : { version: options.to }),
    ...(options.stageOnly ? { stageOnly: true } : {})
  }))
  return yield* options.stageOnly
    ? follow(taken, options, isStaged(taken), ({ message, staged }) => staged?.waits ?? message)
    : taken.upgrade === null
    ? follow(
      taken,
      options,
      isStarted(taken),
      (view) => `${unstarted(view).join(", ")} not started yet; "offloadctl status SERVICE" says why`
    )
    : follow(taken, options, isOver(taken, () => codes))
})

export const rollback = Effect.fn("rollback")(function*(options: Pick<UpgradeOptions, "wait" | "timeout">) {
  const taken = yield* answeredWithin(options.timeout)(give("rollback", {}))
  return yield* follow(taken, options, isOver(taken, codesOfRollback))
})

type End = { readonly code: ExitCode; readonly message: string }

/** The services that are to run and have never been started: they are at no version yet. */
const unstarted = ({ services }: UpgradeView): ReadonlyArray<string> =>
  services.flatMap(({ container, desired, image }) => image === null && desired === "running" ? [container] : [])

/** Nothing is to be switched. */
const isStarted = ({ version }: OrderTaken) => (view: UpgradeView): End | undefined => {
  if (view.targetVersion !== null && view.targetVersion !== version) return replaced(version)
  if (unstarted(view).length > 0) return undefined
  const all = view.services.every(({ image }) => image !== null)
    ? "every service"
    : "every service that was ever started"
  return { code: ExitCode.done, message: `${all} is at ${version}` }
}

/** Somebody wants something else by now. */
const replaced = (version: string): End => ({
  code: ExitCode.failed,
  message: `${version} is no longer what is wanted: another order, or another version of the DPU, has taken its place`
})

type Kind = NonNullable<UpgradeView["kind"]>

/** How it ended, or undefined while it goes on. */
const isOver = (taken: OrderTaken, codesOf: (kind: Kind) => typeof codes) => {
  // What is undone is an upgrade, unless it shows to be a rollback.
  let seen: Kind = "upgrade"
  return (view: UpgradeView): End | undefined => {
    if (view.id === taken.upgrade && view.kind !== null) seen = view.kind
    return endOf(taken, view, codesOf(view.last?.id === taken.upgrade ? view.last.kind : seen))
  }
}

const endOf = (taken: OrderTaken, view: UpgradeView, codeOf: typeof codes): End | undefined => {
  const { upgrade: id, version } = taken
  if (id === null) return { code: ExitCode.done, message: taken.message }
  const { last } = view
  if (last?.id === id) {
    return {
      code: codeOf[last.outcome],
      message: `${last.id} to ${last.version} ${outcomes[last.outcome]}: ${last.reason}`
    }
  }
  // The way back from what was under way may have led there.
  if (view.id === null && isAllAt(view, version)) {
    return { code: ExitCode.done, message: `every service is at ${version}` }
  }
  // One that takes over a set on probation leaves no end of the one before.
  const heir = [view.id, last?.id].find((other) => other != null && numberOf(other) > numberOf(id))
  if (heir != null) {
    return { code: codeOf.superseded, message: `${id} to ${version} is over: ${heir} has taken its place` }
  }
  if (view.refused) {
    return { code: ExitCode.failed, message: `refused before anything was stopped, and tried on: ${view.message}` }
  }
  return undefined
}

const isAllAt = ({ services }: UpgradeView, version: string): boolean =>
  services.every(({ image }) => image !== null && split(image).tag === version)

/** Upgrades are counted: `upgrade-3`. */
const numberOf = (id: string): number => Number(id.slice(id.lastIndexOf("-") + 1))

const codes: Readonly<Record<NonNullable<UpgradeView["last"]>["outcome"], ExitCode>> = {
  committed: ExitCode.done,
  rolledBack: ExitCode.rolledBack,
  degraded: ExitCode.degraded,
  superseded: ExitCode.failed
}

/** For a rollback the way back is what was asked for, and so is the end of an upgrade that had stopped nothing; its own is not. */
const codesOfRollback = (kind: Kind): typeof codes => ({
  ...codes,
  rolledBack: ExitCode.done,
  superseded: kind === "upgrade" ? ExitCode.done : codes.superseded
})

const isStaged = ({ version }: OrderTaken) => (view: UpgradeView): End | undefined => {
  const { staged } = view
  const isUnderWay = view.kind === "upgrade" && view.version === version
  // What is switched to has all its images.
  const hasAll = isUnderWay && (view.phase === "switching" || view.phase === "probation")
  if (hasAll || (staged?.version === version && staged.ready)) return { code: ExitCode.done, message: view.message }
  if (isAllAt(view, version) && !isUnderWay) return { code: ExitCode.done, message: `every service is at ${version}` }
  if (staged?.version !== version && !isUnderWay) return replaced(version)
  // While an upgrade is under way its images are the ones that are refused.
  return view.refused && view.id === null ? { code: ExitCode.failed, message: view.message } : undefined
}

const follow = Effect.fnUntraced(function*(
  taken: OrderTaken,
  options: Pick<UpgradeOptions, "wait" | "timeout">,
  ended: (view: UpgradeView) => End | undefined,
  goesOn: (view: UpgradeView) => string = ({ message }) => message
) {
  if (!options.wait) {
    yield* print(`${plain(taken.message)}; not waiting for it, "offloadctl plan" says how it goes`)
    return ExitCode.done
  }
  // What the order means, before a wait that may be long.
  yield* say(`offloadctl: ${plain(taken.message)}`)
  let last: UpgradeView | ExchangeError | undefined
  const look = Effect.map(patiently("The order", ask), (answer) => {
    last = answer
    return "_tag" in answer ? undefined : ended(answer)
  })
  const waiting = pollUntil(look, (end) => end !== undefined, every)
  const end = yield* (options.timeout === undefined
    ? Effect.map(waiting, Option.some)
    : Effect.timeoutOption(waiting, options.timeout)).pipe(
      Effect.onInterrupt(() => say("offloadctl: interrupted. The order stands and goes on"))
    )
  if (Option.isNone(end)) {
    const stands = `it is not over after ${inSeconds(options.timeout ?? 0)}. The order stands`
    return yield* late(stands, last, goesOn)
  }
  const { code, message } = end.value!
  if (code !== ExitCode.done) return yield* new Ended({ code, message })
  yield* print(plain(message))
  return code
})
