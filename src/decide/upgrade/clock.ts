/**
 * The clocks of gate and probation. They count only what was observed: the time
 * between the ends of two looks that both showed the service Running as it
 * should, however late a slow disk lets the daemon hear of them. An outage of the
 * NPU, or a server without a list of containers, stops them; what was counted
 * before it stays.
 */
import type { Input } from "../input.ts"
import { type Gate, type UpgradeMemory, watchedOf } from "../memory.ts"
import { healthOf } from "../question.ts"
import type { Turn } from "../turn.ts"
import { isTried } from "./count.ts"
import { isWantedRunning, runningInstance, specOf } from "./members.ts"
import type { Member, Saga } from "./record.ts"

/** Takes note of a look, where a saga is under way. */
export const observe = (turn: Turn, input: Input): void => {
  const saga = turn.memory.durable.upgrade
  if (saga === null || input._tag !== "Looked") return
  if (input.look.result._tag !== "Seen") {
    turn.setUpgrade({ lookedAt: undefined, running: {} })
    return
  }
  if (saga.phase !== "staging") turn.setUpgrade(advanced(turn, saga, input.look.ended))
  settle(turn)
}

const advanced = (turn: Turn, saga: Saga, ended: number): Partial<UpgradeMemory> => {
  const before = turn.memory.upgrade
  const { longestStep } = turn.memory.policy.upgrade
  const step = before.lookedAt === undefined ? 0 : Math.min(ended - before.lookedAt, longestStep)
  const running: Record<string, string> = {}
  const gates: Record<string, Gate> = {}
  const unready: Record<string, number> = { ...before.unready }
  for (const member of saga.members) {
    const spec = specOf(turn.memory, member)
    const instance = spec === undefined ? undefined : runningInstance(turn.memory, spec)
    const { container } = member
    const kept = before.gates[container]
    // What cannot be seen stops its clock, and no more.
    if (watchedOf(turn.memory, container).sighting._tag === "Unknown" && kept !== undefined) gates[container] = kept
    if (spec === undefined || instance === undefined) continue
    running[container] = instance
    if (!isTried(saga, member)) continue
    const observed = before.running[container] === instance ? step : 0
    const health = healthOf(turn.memory, spec)
    if (health === "True") {
      gates[container] = kept?.instance === instance
        ? { instance, observed: kept.observed + observed, looks: kept.looks + 1 }
        : { instance, observed: 0, looks: 1 }
    } else if (health === "False" || !member.passed) {
      unready[container] = (unready[container] ?? 0) + observed
    }
  }
  const whole = saga.members.filter((member) => isWantedRunning(turn.memory, member))
    .every(({ container }) => running[container] !== undefined && before.running[container] === running[container])
  return {
    lookedAt: ended,
    running,
    gates,
    unready,
    probation: before.probation + (saga.phase === "probation" && whole ? step : 0)
  }
}

/** Moves observed time to the durable part, a step at a time: not each look shall be written. */
const settle = (turn: Turn): void => {
  const saga = turn.memory.durable.upgrade
  const { probation, unready } = turn.memory.upgrade
  const { saveEvery } = turn.memory.policy.upgrade
  const due = probation >= saveEvery || Object.values(unready).some((observed) => observed >= saveEvery)
  if (saga === null || !due) return
  turn.setDurable({
    upgrade: {
      ...saga,
      probation: saga.probation + probation,
      members: saga.members.map((member) => ({ ...member, unready: unreadyOf(turn, member) }))
    }
  })
  turn.setUpgrade({ probation: 0, unready: {} })
}

/** Milliseconds that a member has been observed Running without answering. */
export const unreadyOf = (turn: Turn, member: Member): number =>
  member.unready + (turn.memory.upgrade.unready[member.container] ?? 0)

/** Forgets what was observed of the saga's members: they are, or will be, other instances. */
export const restartClocks = (turn: Turn): void => turn.setUpgrade({ gates: {}, probation: 0, unready: {} })

/** The same for one of them. */
export const restartClock = (turn: Turn, container: string): void => {
  const { [container]: _gate, ...gates } = turn.memory.upgrade.gates
  const { [container]: _unready, ...unready } = turn.memory.upgrade.unready
  turn.setUpgrade({ gates, unready })
}

/** Whether a member has run and answered long enough on its present side. */
export const hasPassedGate = (turn: Turn, member: Member): boolean => {
  const { gate, gateLooks } = turn.memory.policy.upgrade
  const observed = turn.memory.upgrade.gates[member.container]
  return observed !== undefined && observed.observed >= gate && observed.looks >= gateLooks
}
