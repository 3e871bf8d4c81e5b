/** What probes change in memory: the health of a running instance. */
import type { ContainerSpec } from "../model/catalogue.ts"
import type { Look } from "../model/look.ts"
import { isUnlisted } from "./capable.ts"
import type { Input } from "./input.ts"
import { type ProbeRecord, unprobed, type Watched } from "./memory.ts"
import type { Turn } from "./turn.ts"

/** Folds a probe into memory. */
export const probed = (turn: Turn, input: Extract<Input, { _tag: "Probed" }>): void => {
  const spec = turn.memory.specs.find((candidate) => candidate.name === input.container)
  if (spec === undefined) return
  const watched = turn.watched(spec.name)
  if (!(mayRun(watched) || isUnlisted(turn.memory)) || input.begun < watched.lastActionEnd) return
  // A service that answers while it is being stopped for not answering is not stopped by force as well.
  const { inFlight } = watched
  if (inFlight !== undefined && !(inFlight.action === "Stop" && input.result === "Healthy")) return
  const { probe } = watched
  if (input.result === "Healthy") {
    if (probe.healthy !== true && (probe.everHealthy || probe.failures > 0)) {
      turn.say("notice", "Healthy", `${spec.name} answers its probe again.`, spec.name)
    }
    turn.setWatched(spec.name, {
      probe: {
        healthy: true,
        everHealthy: true,
        failures: 0,
        badSince: undefined,
        badUntil: undefined,
        unsettled: undefined,
        reason: undefined
      }
    })
  } else if (input.result === "Unhealthy") {
    const reason = input.reason ?? "it gave a wrong answer"
    // While the NPU does not answer either, what runs there is not seen, and nothing is held against it.
    if (turn.memory.npu.reachable === false) {
      turn.setWatched(spec.name, { probe: { ...excused(probe), healthy: false, reason } })
    } else {
      turn.setWatched(spec.name, { probe: badProbe(probe, input, reason) })
      announceUnhealthy(turn, spec, probe)
    }
  } else {
    turn.setWatched(spec.name, {
      probe: {
        ...probe,
        reason: input.reason,
        unsettled: { ended: input.ended, reason: input.reason ?? "it did not answer" },
        badSince: probe.badSince ?? input.begun
      }
    })
  }
}

/** Probes reach the service while the NPU's list does not: what it answers then counts as ever. */
const mayRun = ({ lastClear, sighting }: Watched): boolean =>
  sighting._tag === "Running" || (sighting._tag === "Unknown" && lastClear === "Running")

/**
 * The NPU did not answer either: what was held against the service may have been
 * the road's fault, and begins anew when the NPU is back.
 */
export const excuseProbe = (turn: Turn, spec: ContainerSpec): void => {
  turn.setWatched(spec.name, { probe: excused(turn.watched(spec.name).probe) })
}

const excused = ({ everHealthy, healthy }: ProbeRecord): ProbeRecord => ({ ...unprobed, everHealthy, healthy })

/** A probe without answer counts against the service once the NPU itself is seen to answer. */
export const settleProbe = (turn: Turn, spec: ContainerSpec, look: Look): void => {
  const { probe } = turn.watched(spec.name)
  const { unsettled } = probe
  if (unsettled === undefined || look.begun < unsettled.ended) return
  turn.setWatched(spec.name, {
    probe: badProbe(probe, { begun: look.begun, ended: unsettled.ended }, unsettled.reason)
  })
  announceUnhealthy(turn, spec, probe)
}

const badProbe = (
  probe: ProbeRecord,
  { begun, ended }: { readonly begun: number; readonly ended: number },
  reason: string
): ProbeRecord => ({
  ...probe,
  healthy: false,
  failures: probe.failures + 1,
  badSince: probe.badSince ?? begun,
  badUntil: ended,
  unsettled: undefined,
  reason
})

const announceUnhealthy = (turn: Turn, spec: ContainerSpec, before: ProbeRecord): void => {
  const { probe: { failures, reason }, sighting } = turn.watched(spec.name)
  const threshold = turn.memory.policy.health.failures
  if (before.everHealthy && failures === threshold) {
    turn.say(
      "warning",
      "Unhealthy",
      `${spec.name} ${sighting._tag === "Running" ? "runs, but " : ""}failed ${threshold} probes in a row: ${
        reason ?? "no answer"
      }.`,
      spec.name
    )
  }
}
