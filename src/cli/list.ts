/** `offloadctl list`: every container of this DPU, a line each. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

import type { ContainerList, ContainerView, NpuView } from "../control/views.ts"
import { ControlClient } from "./control-client.ts"
import { ExitCode } from "./exit-code.ts"
import { npuLine, troubleLines } from "./npu-line.ts"
import { type Format, print, printJson, Screen } from "./screen.ts"
import { type Column, table } from "./table.ts"
import { age, type Colour, naturally, orNothing, plain } from "./text.ts"

export interface ListOptions {
  readonly output: Format
  /** Exit 3 where something that is desired running is not. */
  readonly check: boolean
}

export const list = Effect.fn("list")(function*(options: ListOptions) {
  const client = yield* ControlClient
  const view = yield* client.list
  const { colour } = yield* Screen
  if (options.output === "json") yield* printJson(view)
  else yield* print(renderList(view, yield* Clock.currentTimeMillis, colour))
  return options.check && view.containers.some(isMissing) ? ExitCode.degraded : ExitCode.done
})

/** Desired running and not shown to be; Unknown counts, since nobody saw it run. */
const isMissing = (container: ContainerView): boolean =>
  container.desired === "running" && container.state !== "Running"

const columns: ReadonlyArray<Column> = [
  { title: "Container" },
  { title: "Service" },
  { title: "Desired" },
  { title: "State" },
  { title: "Healthy" },
  { title: "Version" },
  { title: "Target" },
  { title: "Restarts", right: true },
  { title: "Next Retry" },
  { title: "Last Reason" }
]

export const renderList = (view: ContainerList, now: number, colour: boolean): string => {
  const rows = [...view.containers].sort((left, right) => naturally(left.name, right.name)).map((container) => [
    { text: plain(container.name) },
    { text: plain(container.service) },
    { text: container.desired },
    { text: stateText(container, view.npu, now), colour: stateColour(container) },
    { text: container.healthy ?? "N/A", colour: healthColour(container) },
    { text: orNothing(container.version), colour: isWrongVersion(container) ? "yellow" as const : undefined },
    { text: orNothing(container.targetVersion) },
    { text: String(container.restarts) },
    { text: container.nextRetryAt === null ? "N/A" : age(container.nextRetryAt, now) },
    { text: orNothing(container.lastReason) }
  ])
  return [
    npuLine(view.npu, now, colour),
    ...troubleLines(view, colour),
    "",
    rows.length === 0 ? "no containers" : table(columns, rows, colour)
  ].join("\n")
}

/** While nobody can look, what was seen last, with its age. */
export const stateText = ({ lastState, observedAt, state }: ContainerView, npu: NpuView, now: number): string =>
  state === "Unknown" && npu.reachable === false && lastState !== null && observedAt !== null
    ? `Unknown (${lastState} ${age(observedAt, now)})`
    : state

export const stateColour = (container: ContainerView): Colour | undefined => {
  if (container.state === "Unknown") return "yellow"
  if (container.desired === "running") return container.state === "Running" ? "green" : "red"
  return container.state === "Running" ? "yellow" : undefined
}

export const healthColour = (container: ContainerView): Colour | undefined =>
  container.healthy === "False" ? "red" : undefined

const isWrongVersion = (container: ContainerView): boolean =>
  container.version !== null && container.targetVersion !== null && container.version !== container.targetVersion
