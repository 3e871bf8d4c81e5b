/** Counts what speaks against a set that is being tried: crashes, restarts for ill health, failed starts. */
import type { Turn } from "../turn.ts"
import type { Member, Saga } from "./record.ts"

/** A container crashed, is restarted for ill health, or could not be started. */
export const countRestart = (turn: Turn, container: string): void => {
  const saga = turn.memory.durable.upgrade
  if (saga === null || saga.phase === "staging") return
  changeMember(turn, saga, container, (member) => isTried(saga, member) ? { restarts: member.restarts + 1 } : {})
}

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
