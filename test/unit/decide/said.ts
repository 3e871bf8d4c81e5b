/** What is said of a container on the workbench. */
import { containerConditions } from "../../../src/decide/conditions.ts"
import type { Condition, ConditionType } from "../../../src/model/condition.ts"
import { type Bench, specs } from "./bench.ts"

export const condition = (bench: Bench, name: string, type: ConditionType): Condition =>
  containerConditions(bench.memory, specs.find((spec) => spec.name === name)!, bench)
    .find((candidate) => candidate.type === type)!
