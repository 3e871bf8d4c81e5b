/** `offloadctl status`: why a container is as it is, what comes next, and what an operator can do. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

import { apiVersion, type ContainerList, type ContainerStatus } from "../control/views.ts"
import type { Condition } from "../model/condition.ts"
import { ControlClient } from "./control-client.ts"
import { ExitCode } from "./exit-code.ts"
import { healthColour, stateColour, stateText } from "./list.ts"
import { isTrouble, npuLine, troubleLines } from "./npu-line.ts"
import { type Format, print, printJson, Screen } from "./screen.ts"
import { dated, naturally, orNothing, paint, plain } from "./text.ts"

export interface StatusOptions {
  /** Instance or service name; all where not given. */
  readonly container: string | undefined
  readonly output: Format
}

/**
 * Exits 3 where something is not as it should be: the NPU is not reachable, the
 * daemon's memory is not durable, the DPU's version cannot be told (these three
 * where no container is named), or a container is not in its desired state, fails
 * its probe or runs another version than it should.
 */
export const status = Effect.fn("status")(function*(options: StatusOptions) {
  const client = yield* ControlClient
  const { colour } = yield* Screen
  if (options.container === undefined) {
    const list = yield* client.list
    const containers = yield* Effect.forEach(
      [...list.containers].sort((left, right) => naturally(left.name, right.name)),
      (container) => client.status(container.name)
    )
    const { conditions, dpu, npu, targetVersion, versionUnreadable } = list
    if (options.output === "json") {
      yield* printJson({ apiVersion, dpu, targetVersion, versionUnreadable, npu, conditions, containers })
    } else yield* print(renderAll(list, containers, yield* Clock.currentTimeMillis, colour))
    return containers.some(isDegraded) || conditions.some(isTrouble) || versionUnreadable !== null
      ? ExitCode.degraded
      : ExitCode.done
  }
  const view = yield* client.status(options.container)
  if (options.output === "json") yield* printJson(view)
  else {
    const now = yield* Clock.currentTimeMillis
    yield* print(`${npuLine(view.npu, now, colour)}\n\n${renderStatus(view, now, colour)}`)
  }
  return isDegraded(view) ? ExitCode.degraded : ExitCode.done
})

export const isDegraded = ({ conditions, container, npu }: ContainerStatus): boolean => {
  if (npu.reachable !== true) return true
  if (container.desired === "stopped") return container.state === "Running" || container.state === "Unknown"
  return container.state !== "Running" || container.healthy === "False" || conditions.some(isTrouble)
}

const renderAll = (
  list: ContainerList,
  containers: ReadonlyArray<ContainerStatus>,
  now: number,
  colour: boolean
): string =>
  [
    [npuLine(list.npu, now, colour), ...troubleLines(list, colour)].join("\n"),
    ...(containers.length === 0 ? ["no containers"] : containers.map((view) => renderStatus(view, now, colour)))
  ].join("\n\n")

/**
 * The conditions that should not be. A service that an operator stopped shall neither run
 * nor answer; one that does not run for another reason is said to once, not by its health too.
 */
const troublesOf = ({ conditions, container }: ContainerStatus): ReadonlyArray<Condition> => {
  const troubles = conditions.filter(isTrouble)
  if (container.desired === "stopped") return troubles.filter(({ type }) => type !== "Running" && type !== "Healthy")
  const isDown = troubles.some(({ type }) => type === "Running")
  return troubles.filter(({ type }) => !(isDown && type === "Healthy"))
}

/** What the instance before this one said at its end: nothing of one that runs. */
const previousLines = ({ previous }: ContainerStatus, now: number): ReadonlyArray<readonly [string, string]> =>
  previous === undefined || previous.lastLines.length === 0
    ? []
    : [
      ["Previous Output", `of the instance that ended ${dated(previous.endedAt, now)}:`],
      ...previous.lastLines.map((line) => ["", plain(line)] as const)
    ]

export const renderStatus = (view: ContainerStatus, now: number, colour: boolean): string => {
  const { container } = view
  const desiredSince = view.intent.recordedAt === null ? "" : `, asked for ${dated(view.intent.recordedAt, now)}`
  const lines: ReadonlyArray<readonly [string, string]> = [
    ["Desired", `${container.desired}${desiredSince}`],
    [
      "State",
      `${paint(colour, stateColour(container), stateText(container, view.npu, now))} since ${
        dated(view.stateSince, now)
      }`
    ],
    ["Last Seen", dated(container.observedAt, now)],
    ["Healthy", paint(colour, healthColour(container), container.healthy ?? "N/A")],
    ["Image", orNothing(container.image)],
    ["Wanted Image", orNothing(view.wantedImage)],
    ["Version", orNothing(container.version)],
    ["Target", orNothing(container.targetVersion)],
    ["Restarts", String(container.restarts)],
    ["Attempt", view.attempt === 0 ? "N/A" : String(view.attempt)],
    ["Last Reason", orNothing(container.lastReason)],
    ["Next Retry", dated(container.nextRetryAt, now)],
    ["Activity", orNothing(view.activity)],
    ...troublesOf(view).map((condition) =>
      [
        "Trouble",
        `${plain(condition.reason)} since ${dated(condition.lastTransition, now)}: ${plain(condition.message)}`
      ] as const
    ),
    ...previousLines(view, now),
    ...view.advice.map((sentence) => ["You Can", plain(sentence)] as const)
  ]
  const width = Math.max(...lines.map(([title]) => title.length))
  return [
    `${paint(colour, "bold", plain(container.name))} (${plain(container.service)})`,
    ...lines.map(([title, text]) => `  ${title.padEnd(width)}  ${text}`)
  ].join("\n")
}
