/** `offloadctl plan`: what is done about versions now and why, and what would come next. Does nothing. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

import { UpgradeView } from "../control/upgrade-views.ts"
import { ControlClient } from "./control-client.ts"
import { ExitCode } from "./exit-code.ts"
import { npuLine } from "./npu-line.ts"
import { type Format, print, printJson, Screen } from "./screen.ts"
import { table } from "./table.ts"
import { dated, orNothing, paint, plain } from "./text.ts"
import { understood } from "./understood.ts"

export const plan = Effect.fn("plan")(function*(options: { readonly output: Format }) {
  const view = yield* ask
  if (options.output === "json") yield* printJson(view)
  else yield* print(renderPlan(view, yield* Clock.currentTimeMillis, (yield* Screen).colour))
  return isDegraded(view) ? ExitCode.degraded : ExitCode.done
})

/** Something that needs a person stands in the way, or it cannot be seen what is there. An upgrade that goes on is in order. */
const isDegraded = ({ advice, degraded, npu, reason, refused, versionUnreadable }: UpgradeView): boolean =>
  degraded !== null || versionUnreadable !== null || advice !== null || refused || reason === "StateUnknown"
  || (npu !== null && npu.reachable !== true)

/** The daemon's view of upgrades. */
export const ask = Effect.flatMap(ControlClient, (client) => understood(UpgradeView, "plan")(client.plan))

const renderPlan = (view: UpgradeView, now: number, colour: boolean): string => {
  const lines: ReadonlyArray<readonly [string, string | null]> = [
    ["DPU", view.versionUnreadable === null ? orNothing(view.dpuVersion) : `unknown: ${plain(view.versionUnreadable)}`],
    ["Target", orNothing(view.targetVersion)],
    ["Automatic", view.paused ? paint(colour, "yellow", "paused") : "on"],
    ["Upgrade", view.id === null ? "none" : `${plain(view.id)}, ${phases[view.phase]}`],
    ["Now", `${plain(view.reason)}: ${plain(view.message)}`],
    ["Next", view.next === null ? null : plain(view.next)],
    ["Next Try", view.until === null ? null : dated(view.until, now)],
    ["You Can", view.advice === null ? null : plain(view.advice)],
    [
      "Staged",
      view.staged === null
        ? null
        : `${plain(view.staged.version)}, ${
          view.staged.waits === null ? view.staged.ready ? "ready" : "not yet" : plain(view.staged.waits)
        }`
    ],
    ...view.quarantine.map(({ at, reason, version }) =>
      ["Quarantine", `${plain(version)} since ${dated(at, now)}: ${plain(reason)}`] as const
    ),
    ["Degraded", view.degraded === null ? null : paint(colour, "red", plain(view.degraded))],
    [
      "Last",
      view.last === null
        ? null
        : `${plain(view.last.id)} to ${plain(view.last.version)} ${outcomes[view.last.outcome]} ${
          dated(view.last.at, now)
        }: ${plain(view.last.reason)}`
    ]
  ]
  const told = lines.filter(([, text]) => text !== null)
  const width = Math.max(...told.map(([title]) => title.length))
  return [
    ...(view.npu === null ? [] : [npuLine(view.npu, now, colour), ""]),
    ...told.map(([title, text]) => `${title.padEnd(width)}  ${text}`),
    "",
    table(
      [{ title: "Container" }, { title: "Assigned" }, { title: "Goes To" }, { title: "Way Back" }, { title: "State" }],
      view.services.map((service) =>
        [
          service.container,
          orNothing(service.image),
          orNothing(service.target),
          orNothing(service.wayBack),
          service.state
        ]
          .map((text) => ({ text: plain(text) }))
      ),
      colour
    )
  ].join("\n")
}

const phases: Readonly<Record<UpgradeView["phase"], string>> = {
  idle: "none",
  staging: "staging",
  switching: "switching",
  probation: "on probation",
  rollingBack: "rolling back"
}

export const outcomes: Readonly<Record<NonNullable<UpgradeView["last"]>["outcome"], string>> = {
  committed: "was committed",
  rolledBack: "was rolled back",
  degraded: "could not be mended",
  superseded: "was dropped"
}
