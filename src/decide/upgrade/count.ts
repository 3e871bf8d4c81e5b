/** Counts what speaks against a set that is being tried: crashes, restarts for ill health, failed starts, images not to be had. */
import type { Memory } from "../memory.ts"
import type { Turn } from "../turn.ts"
import { isAtWayBack, isUnswitched, isWantedRunning, needed, specOf } from "./members.ts"
import type { Member, Saga } from "./record.ts"

/** A container crashed, is restarted for ill health, or could not be started. */
export const countRestart = (turn: Turn, container: string): void => {
  const saga = turn.memory.durable.upgrade
  if (saga === null) return
  if (saga.members.some((member) => member.container === container)) {
    changeMember(
      turn,
      saga,
      container,
      (member) =>
        isTried(saga, member) || isUnproved(turn.memory, saga, member) ? { restarts: member.restarts + 1 } : {}
    )
  } else if (isAwaited(turn.memory, saga, container)) {
    const failures = (saga.beside[container] ?? 0) + 1
    turn.setDurable({ upgrade: { ...saga, beside: { ...saga.beside, [container]: failures } } })
  }
}

/** What it needs on the NPU before it can be switched could not be brought there once more; of what it is to start, `countRestart` knows. */
export const countHeldUp = (turn: Turn, container: string, image: string): void => {
  const saga = turn.memory.durable.upgrade
  if (saga?.phase !== "switching") return
  changeMember(
    turn,
    saga,
    container,
    (member) => {
      const counted = isTried(saga, member) && member.target === image
      return !counted && needed(member).includes(image) && isUnswitched(turn.memory, member)
        ? { restarts: member.restarts + 1 }
        : {}
    }
  )
}

/**
 * Whether a member with its gate before it comes after this service, at however
 * many removes: the saga waits for it, although it does not change it.
 */
export const isAwaited = (memory: Memory, saga: Saga, container: string): boolean => {
  const before = (services: ReadonlyArray<string>): boolean =>
    memory.specs.some(({ after, name, service }) => services.includes(service) && (name === container || before(after)))
  return saga.members.some((member) =>
    isTried(saga, member) && !member.passed && isWantedRunning(memory, member)
    && before(specOf(memory, member)?.after ?? [])
  )
}

/** Whether what this member runs is of a set that was on probation when this one, which is still staged, took over from it. */
export const isUnproved = (memory: Memory, saga: Saga, member: Member): boolean =>
  saga.phase === "staging" && saga.kind === "upgrade" && !isAtWayBack(memory, member)

/** Whether what this member runs now is on trial: the new side until the commit, the old one until its gate. */
export const isTried = (saga: Saga, member: Member): boolean =>
  saga.phase === "rollingBack" ? member.side === "old" && !member.passed : member.side === "new"

export const changeMember = (
  turn: Turn,
  saga: Saga,
  container: string,
  change: (member: Member) => Partial<Member>
): Saga => {
  const changed: Saga = {
    ...saga,
    members: saga.members.map((member) => member.container === container ? { ...member, ...change(member) } : member)
  }
  turn.setDurable({ upgrade: changed })
  return changed
}
