/** The line that says whether the NPU answers, and the one for each trouble of the daemon itself. */
import type { ContainerList, NpuView } from "../control/views.ts"
import type { Condition, ConditionType } from "../model/condition.ts"
import { versionAdvice } from "../model/version-advice.ts"
import { dated, orNothing, paint, plain } from "./text.ts"

export const npuLine = (npu: NpuView, now: number, colour: boolean): string => {
  const endpoint = plain(npu.endpoint)
  const since = npu.since === null ? "" : ` since ${dated(npu.since, now)}`
  switch (npu.reachable) {
    case true:
      return `NPU ${endpoint} reachable${since}`
    case false:
      return `NPU ${endpoint} ${paint(colour, "red", "UNREACHABLE")}${since}: ${
        orNothing(npu.reason)
      }; what its containers do is not known until it answers`
    case null:
      return `NPU ${endpoint} ${paint(colour, "yellow", "not looked at yet")}`
  }
}

/** Whether a condition is one that should not be. */
export const isTrouble = (condition: Condition): boolean =>
  badWhenTrue.has(condition.type)
    ? condition.status === "True"
    : !neither.has(condition.type) && condition.status === "False"

const badWhenTrue: ReadonlySet<ConditionType> = new Set(["Contested", "Degraded"])
const neither: ReadonlySet<ConditionType> = new Set(["Progressing", "Upgrading"])

type Troubles = Pick<ContainerList, "conditions" | "versionUnreadable">

/**
 * A line for each of the daemon's conditions that should not be, one where the DPU's version cannot be read, and one for
 * an upgrade; the NPU has its own.
 */
export const troubleLines = (
  { conditions, versionUnreadable }: Troubles,
  colour: boolean
): ReadonlyArray<string> => [
  ...conditions.filter((condition) => condition.type !== "Reachable" && isTrouble(condition)).map((condition) =>
    `${paint(colour, "red", plain(condition.reason))}: ${plain(condition.message)}`
  ),
  ...(versionUnreadable === null ? [] : [
    `${paint(colour, "red", "VersionUnreadable")}: the DPU's SONiC version cannot be told: ${
      plain(versionUnreadable)
    }; no upgrade begins by itself until it can; ${versionAdvice}`
  ]),
  ...conditions.filter(isUpgradeNews).map((condition) =>
    `${paint(colour, "yellow", `Upgrade ${plain(condition.reason)}`)}: ${plain(condition.message)}`
  )
]

const isUpgradeNews = ({ reason, status, type }: Condition): boolean =>
  type === "Upgrading" && (status === "True" || !(reason === "UpToDate" || reason === "VersionUnknown"))
