/** Checks of the memory on the disk, at every save and every answer to an operator. */
import type { Policy } from "../../policy/policy.ts"
import type { Entry } from "../trace.ts"
import type { DpuJournal } from "./journal.ts"
import { upgrading } from "./upgrades.ts"
import type { Report } from "./violation.ts"

export const saving = (
  journal: DpuJournal,
  entry: Extract<Entry, { _tag: "Saving" }>,
  policy: Policy,
  report: Report
): void => {
  const memory = journal.read(entry.text)
  if (memory === undefined) return report("MemoryLoads", "", "what the daemon saves cannot be loaded")
  const before = journal.intended
  // What could not be saved was decided anew, without what it would have changed of an upgrade.
  if (before !== undefined && !journal.memoryLost && !journal.undurable) {
    upgrading(journal, before, memory, policy, entry.at, report)
  }
  const since = journal.savedSince(entry.at)
  for (const container of journal.containers.values()) {
    const { name } = container.spec
    container.remember()
    const record = memory.containers[name]
    container.assign(record === undefined ? container.assigned : record.assigned)
    if (record === undefined) {
      if (container.desired === "stopped" && !container.possible.has("running")) {
        report("IntentKept", name, "memory has lost the container, and with it that it was stopped")
      }
      continue
    }
    if (!container.possible.has(record.desired)) {
      report("IntentKept", name, `memory says ${record.desired}, the operator was told ${container.desired}`)
    }
    if (record.level > container.savedLevel && !container.evidence.wasClear(since) && !container.charge()) {
      report("OutageNotCharged", name, `the ladder was climbed to ${record.level} on no evidence`)
    }
    container.savedLevel = record.level
    // Behind a slow disk the word of a reboot comes late: the lists until then may have shown that it was there after all.
    if (record.due?.cause !== "NpuReboot" && container.evidence.was("Running", since)) container.notBefore = undefined
  }
}

export const commanded = (journal: DpuJournal, entry: Extract<Entry, { _tag: "Commanded" }>, report: Report): void => {
  const container = journal.containers.get(entry.container)
  if (container === undefined) return
  // An operator's start ends a wait, whenever between the question and the answer it is heard.
  if (entry.desired === "running") container.notBefore = undefined
  switch (entry.phase) {
    case "asked":
      container.possible.add(entry.desired)
      container.asked++
      container.ladder.excused = true
      if (entry.desired === "stopped") container.wordOfStop = 1
      return
    case "recorded":
      container.asked--
      if (entry.desired === "stopped" && container.desired !== "stopped") container.stoppedAt = entry.at
      container.desired = entry.desired
      if (journal.memory?.containers[entry.container]?.desired !== entry.desired) {
        report(
          "DurableFirst",
          entry.container,
          `the operator was told that it shall be ${entry.desired}, and the disk does not say so`
        )
      }
      break
    case "refused":
      // A save that failed late may have left the new text behind.
      if (journal.memory?.containers[entry.container]?.desired === entry.desired) {
        container.asked--
        return
      }
      container.asked--
      break
    case "lost":
      container.asked--
      return
  }
  if (container.asked === 0) {
    container.possible.clear()
    container.possible.add(container.desired)
  }
  container.ladder.excused = true
  if (entry.phase === "recorded") journal.hintedOnce(entry.at)
}

/** An operator's word ends a wait, whenever between the question and the answer it is heard. */
export const asked = (journal: DpuJournal, entry: Extract<Entry, { _tag: "Asked" }>): void => {
  const container = journal.containers.get(entry.container)
  if (container === undefined) return
  container.ladder.excused = true
  container.notBefore = undefined
  if (entry.answer === "Retrying") journal.hintedOnce(entry.at)
}
