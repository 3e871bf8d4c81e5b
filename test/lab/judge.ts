/** What npu-sim's journal says against the daemons of a switch, whatever they say themselves. */
import type { SmartSwitch } from "../../bin/smartswitch/switch.ts"
import { type JournalCall, read } from "../../layers/npu-sim/journal.ts"

/** The mutating calls so far. */
export const calls = (lab: SmartSwitch): ReadonlyArray<JournalCall> => read(lab.dpus[0]!.lab.journal)

/** A call about a container that is not the caller's own, in words. */
export const trespasses = (lab: SmartSwitch): ReadonlyArray<string> => {
  const owner = new Map(
    lab.dpus.flatMap(({ address, lab: { containers } }) => containers.map(({ name }) => [name, address] as const))
  )
  return calls(lab).filter(({ method, peer, subject }) =>
    method.endsWith("Container") && owner.get(subject) !== peer.replace(/:\d+$/, "")
  ).map(({ method, peer, subject }) => `${method} of ${subject} by ${peer}`)
}

/** How often each container was started after the first `skip` calls; a refused start started nothing. */
export const starts = (lab: SmartSwitch, skip: number): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { answered, method, subject } of calls(lab).slice(skip)) {
    if (method !== "StartContainer" || (answered !== undefined && answered.status !== "OK")) continue
    counts.set(subject, (counts.get(subject) ?? 0) + 1)
  }
  return counts
}
