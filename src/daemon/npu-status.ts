/** The NPU's own status, from memory and from what its client found out. */
import { type NpuStatus } from "../control/npu-status.ts"
import { apiVersion } from "../control/views.ts"
import { daemonConditions } from "../decide/conditions.ts"
import type { Memory, Moment } from "../decide/memory.ts"
import type { ClockReading } from "../npu/conversation.ts"
import { npuView } from "./views.ts"

export const npuStatus = (
  memory: Memory,
  endpoint: string,
  dpu: string,
  clock: ClockReading | undefined,
  now: Moment
): NpuStatus => {
  const { lookTook, lookedAt, speech } = memory.npu
  return {
    apiVersion,
    dpu,
    npu: npuView(memory, endpoint),
    speech: speech ?? null,
    lastLook: lookedAt === undefined
      ? null
      : { endedAt: new Date(lookedAt.wall).toISOString(), took: Math.round(lookTook ?? 0) },
    clock: clock === undefined ? null : {
      difference: clock.difference,
      uncertainty: Math.ceil(clock.took / 2),
      at: new Date(clock.at).toISOString()
    },
    conditions: daemonConditions(memory, now)
  }
}
