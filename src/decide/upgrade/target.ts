/** What a change of the DPU's version, or of the daemon, means for upgrades. */
import { format } from "../../model/image.ts"
import type { Turn } from "../turn.ts"
import { targetImage } from "./members.ts"

/**
 * The DPU comes with another version than it had: what an operator ordered was
 * for the one before, and so was every quarantine but that of this version.
 */
export const versionChanged = (turn: Turn, version: string): void => {
  const { dpuVersion, quarantine } = turn.memory.durable
  if (dpuVersion === version) return
  const kept = quarantine.filter((entry) => entry.version === version)
  turn.setDurable({
    dpuVersion: version,
    ordered: null,
    ...(kept.length === quarantine.length ? {} : { quarantine: kept })
  })
}

/** Memories of releases that knew no assignment tell what they started: that is it. */
export const configureUpgrade = (turn: Turn): void => {
  for (const spec of turn.memory.specs) {
    const { assigned, owned, startedVersion } = turn.record(spec.name)
    if (assigned !== null || !owned || startedVersion === null) continue
    turn.setRecord(spec.name, { assigned: format(targetImage(spec, startedVersion)) })
  }
}
