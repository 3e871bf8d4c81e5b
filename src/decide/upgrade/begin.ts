/** Whether an upgrade begins, which services it changes, and what keeps it from beginning. */
import type { ContainerSpec } from "../../model/catalogue.ts"
import { format } from "../../model/image.ts"
import { deedsOf } from "../../model/speech.ts"
import { lackingVital } from "../capable.ts"
import { type Memory, recordOf, targetVersion } from "../memory.ts"
import { isPaused } from "../question.ts"
import { forgetFailures } from "../transfer.ts"
import type { Turn } from "../turn.ts"
import { restartClocks } from "./clock.ts"
import { memberOf, targetImage, unseen, waysBackOf, wrongServices } from "./members.ts"
import type { Member, Saga } from "./record.ts"

/** Why no upgrade begins although services are of another version than the one wanted. */
export interface Blocker {
  /** One word in CamelCase. */
  readonly reason: string
  /** A sentence without its full stop. */
  readonly message: string
  /** None where it passes by itself, soon: nothing to tell anybody of. */
  readonly advice: string | undefined
}

/** `version` is the one wanted. */
export const blocker = (memory: Memory, version: string): Blocker | undefined => {
  const { durable, npu, unsaved } = memory
  const bad = durable.quarantine.find((entry) => entry.version === version)
  if (bad !== undefined) {
    return {
      reason: "Quarantined",
      message: `the set of version ${version} is in quarantine: ${bad.reason}`,
      advice: `bring the DPU to another version, or run: offloadctl release ${version}`
    }
  }
  if (isPaused(memory, version)) {
    return { reason: "Paused", message: "an operator has paused automatic upgrades", advice: "run: offloadctl resume" }
  }
  if (unsaved !== undefined) {
    return {
      reason: "StateNotDurable",
      message: `memory cannot be saved: ${unsaved.reason}`,
      advice: "make room in, or give access to, the state folder"
    }
  }
  if (npu.reachable !== true) {
    return { reason: "NpuUnreachable", message: "the NPU does not answer", advice: undefined }
  }
  const missing = lackingVital(memory)
  if (missing.length > 0) {
    return {
      reason: "NotCapable",
      message: `the NPU cannot ${deedsOf(missing)}`,
      advice: "a newer gNOI Containerz server on the NPU"
    }
  }
  const hidden = unseen(memory)
  return hidden === undefined
    ? undefined
    : { reason: "StateUnknown", message: `it is not clear what ${hidden.name} runs`, advice: undefined }
}

/** Begins an upgrade where one is due and nothing stands against it. */
export const begin = (turn: Turn): void => {
  const version = targetVersion(turn.memory)
  const wrong = version === undefined ? [] : wrongServices(turn.memory, version)
  if (version === undefined || wrong.length === 0) return turn.setUpgrade({ blockedBy: undefined })
  const blocked = blocker(turn.memory, version)
  if (blocked !== undefined) return announceBlock(turn, blocked, wrong, version)
  turn.setUpgrade({ blockedBy: undefined })
  const members = wrong.map((spec) => memberOf(turn.memory, spec, version))
  const saga = open(turn, { kind: "upgrade", version, members })
  turn.say(
    "notice",
    "UpgradeBegun",
    `${saga.id} brings ${
      wrong.map(({ name }) => name).join(", ")
    } to ${version}; the old ones run on until every image is on the NPU.`
  )
}

/**
 * A service that was found only after an upgrade had begun, at another version
 * than the one wanted, is changed with the others: a set is never committed in
 * part. It has its images brought, and its way back, before it is stopped; from
 * probation the saga goes back to the switch, and has a probation anew.
 */
export const join = (turn: Turn, saga: Saga): Saga => {
  if (saga.kind === "rollback" || saga.phase === "rollingBack") return saga
  // Where another version is wanted, a switch would end in bringing back what runs well on probation.
  if (saga.phase === "probation" && (targetVersion(turn.memory) ?? saga.version) !== saga.version) return saga
  const found = foundSince(turn.memory, saga, saga.version)
  if (found.length === 0) return saga
  const joined: Saga = {
    ...saga,
    phase: saga.phase === "staging" ? "staging" : "switching",
    members: inOrder(turn.memory, [...saga.members, ...found.map((spec) => memberOf(turn.memory, spec, saga.version))])
  }
  turn.setDurable({ upgrade: joined })
  turn.setUpgrade({ imagesFresh: false })
  turn.say(
    "notice",
    "UpgradeBegun",
    `${saga.id} brings ${
      found.map(({ name }) => name).join(", ")
    } to ${saga.version} as well, found after it had begun.`
  )
  return joined
}

/** The services of another version than this one that a saga has no members for. */
const foundSince = (memory: Memory, saga: Saga, version: string): ReadonlyArray<ContainerSpec> =>
  wrongServices(memory, version).filter(({ name }) => saga.members.every(({ container }) => container !== name))

/** As the catalogue has them. */
const inOrder = ({ specs }: Memory, members: ReadonlyArray<Member>): ReadonlyArray<Member> =>
  specs.flatMap(({ name }) => members.filter(({ container }) => container === name))

/** A saga is recorded, its phase staging. */
export const open = (turn: Turn, what: Pick<Saga, "kind" | "version" | "members">): Saga => {
  const upgrades = turn.memory.durable.upgrades + 1
  const saga: Saga = {
    id: `upgrade-${upgrades}`,
    ...what,
    by: what.kind === "rollback" || turn.memory.durable.ordered === what.version ? "operator" : "version",
    phase: "staging",
    beside: {},
    probation: 0,
    failure: null
  }
  turn.setDurable({ upgrade: saga, upgrades })
  turn.setUpgrade({ imagesFresh: false, refusals: [] })
  // How these could not be had for another upgrade says nothing of this one.
  forgetFailures(turn, waysBackOf(saga).map(format))
  restartClocks(turn)
  return saga
}

/**
 * A set in probation is not good yet: where another version is wanted meanwhile,
 * the next saga's way back is that of this one, the last set that proved good.
 */
export const inherit = (turn: Turn, before: Saga, version: string): void => {
  const { memory } = turn
  const wrong = wrongServices(memory, version)
  const carried = memory.specs.flatMap((spec) =>
    before.members.filter(({ container }) => container === spec.name).map(({ digest, previous }): Member => {
      const member = { ...memberOf(memory, spec, version), previous }
      return wrong.includes(spec) ? member : { ...member, digest, side: "new", passed: true }
    })
  )
  const found = foundSince(memory, before, version).map((spec) => memberOf(memory, spec, version))
  const saga = open(turn, { kind: "upgrade", version, members: inOrder(memory, [...carried, ...found]) })
  // The version that was on probation is wanted again: it has its probation still before it.
  if (wrong.length === 0) turn.setDurable({ upgrade: { ...saga, phase: "probation" } })
  turn.say(
    "notice",
    "UpgradeBegun",
    `${before.id} had not proved good when version ${version} came to be wanted: ${saga.id} goes there; its way back is the set before ${before.id}.`
  )
}

/** Members for a way back to the set before the last committed one. */
export const membersBack = (memory: Memory, set: Readonly<Record<string, string>>): ReadonlyArray<Member> =>
  memory.specs.flatMap((spec): ReadonlyArray<Member> => {
    const { assigned } = recordOf(memory, spec.name)
    const image = set[spec.name]
    return image === undefined || assigned === null || image === assigned ? [] : [backFrom(spec, assigned, image)]
  })

const backFrom = (spec: ContainerSpec, assigned: string, image: string): Member => ({
  container: spec.name,
  target: assigned,
  digest: null,
  previous: { image, id: null },
  side: "new",
  passed: true,
  restarts: 0,
  unready: 0
})

const announceBlock = (
  turn: Turn,
  { advice, message, reason }: Blocker,
  wrong: ReadonlyArray<ContainerSpec>,
  version: string
): void => {
  if (advice === undefined || turn.memory.upgrade.blockedBy === reason) return
  turn.setUpgrade({ blockedBy: reason })
  turn.say(
    "warning",
    "UpgradeBlocked",
    `${
      wrong.map((spec) => format(targetImage(spec, version))).join(", ")
    }: no upgrade begins, since ${message}. What to do: ${advice}.`
  )
}
