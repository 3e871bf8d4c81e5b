/** Checks of upgrades, from what the daemon writes into its memory and from what it was shown. */
import type { Durable } from "../../decide/durable.ts"
import type { DpuJournal } from "./journal.ts"
import type { Report } from "./violation.ts"

type Saga = NonNullable<Durable["upgrade"]>

/** An upgrade passes through these in order; `rollingBack` can follow on each. */
const order = { staging: 0, switching: 1, probation: 2, rollingBack: 3 } as const

/** At each save: what was meant before, and what is now. */
export const upgrading = (journal: DpuJournal, before: Durable, after: Durable, report: Report): void => {
  const old = before.upgrade
  const saga = after.upgrade
  if (saga !== null && saga.id === old?.id) {
    if (order[saga.phase] < order[old.phase]) {
      report("UpgradesOneWay", "", `${saga.id} was ${old.phase} and is ${saga.phase} again`)
    }
    if (old.phase === "staging" && saga.phase !== "staging") staged(journal, saga, report)
  } else if (saga !== null) begun(saga, before, after, report)
  for (const [name, { assigned }] of Object.entries(after.containers)) {
    const was = before.containers[name]?.assigned ?? null
    const isMember = [old, saga].some((one) => one?.members.some(({ container }) => container === name) === true)
    if (was !== null && was !== assigned && !isMember) {
      report(
        "UnaffectedLeftAlone",
        name,
        `it was to run ${was}, and is to run ${assigned ?? "nothing"} for no upgrade's sake`
      )
    }
  }
}

const begun = (saga: Saga, before: Durable, after: Durable, report: Report): void => {
  const isBad = (memory: Durable): boolean => memory.quarantine.some(({ version }) => version === saga.version)
  if (saga.kind === "upgrade" && isBad(before) && isBad(after)) {
    report("QuarantineKept", "", `${saga.id} begins to ${saga.version}, which is in quarantine`)
  }
  for (const { container, passed, target } of saga.members) {
    // What it was found to run instead may have come to be known in this very turn.
    const runs = [before, after].every((memory) => memory.containers[container]?.assigned === target)
    if (!passed && runs) {
      report("UnaffectedLeftAlone", container, `${saga.id} is to change it to ${target}, which it runs`)
    }
  }
}

/** Before the first stop, everything that may have to be started is there. */
const staged = (journal: DpuJournal, saga: Saga, report: Report): void => {
  const wanted = saga.members.flatMap(({ container, previous, target }) => [
    ...(previous === null ? [] : [{ container, image: previous.image }]),
    ...(saga.kind === "rollback" || saga.phase === "rollingBack" ? [] : [{ container, image: target }])
  ])
  for (const { container, image } of wanted) {
    if (saga.phase === "rollingBack" && saga.kind === "upgrade") continue
    if (!journal.imagesSeen.has(image)) {
      report("WayBackHeld", container, `${saga.id} is ${saga.phase}, and the NPU was not seen to hold ${image}`)
    }
  }
}

/** At a stop for a switch. */
export const stoppedForSwitch = (journal: DpuJournal, name: string, report: Report): void => {
  const saga = journal.intended?.upgrade ?? null
  const member = saga?.members.find(({ container }) => container === name)
  if (saga?.phase !== "switching" || member === undefined || member.previous === null) return
  if (!journal.imagesSeen.has(member.previous.image)) {
    report(
      "WayBackHeld",
      name,
      `it is stopped for ${saga.id}, and the NPU was not seen to hold ${member.previous.image}`
    )
  }
}

/** At the end: whether the set is of one version. */
export const setMixed = (journal: DpuJournal): string | undefined => {
  const { memory } = journal
  if (memory === undefined || memory.upgrade !== null || memory.degraded !== null || memory.paused) return undefined
  const assigned = new Map(
    [...journal.containers.keys()].flatMap((name) => {
      const image = memory.containers[name]?.assigned ?? null
      return image === null ? [] : [[name, image.slice(image.lastIndexOf(":") + 1)] as const]
    })
  )
  return new Set(assigned.values()).size <= 1
    ? undefined
    : [...assigned].map(([name, version]) => `${name} is to run ${version}`).join(", ")
}
