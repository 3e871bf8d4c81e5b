/**
 * The audit: whatever is said because of one operation carries which operation
 * it was and who began it; the first of it also how it ended.
 */
import { type Audit, type AuditOutcome, type EventBody, type Holding, self } from "../model/event.ts"
import { format, type ImageRef } from "../model/image.ts"
import type { Sighting } from "../model/look.ts"
import type { Input, Outcome, TransferOutcome } from "./input.ts"
import type { Memory } from "./memory.ts"
import type { Turn } from "./turn.ts"
import type { SagaOutcome } from "./upgrade/record.ts"

/**
 * Signs what this turn has said since its `first` event. Where it has said
 * nothing, `otherwise` is said: an operation that ends leaves a record.
 */
export const sign = (
  turn: Turn,
  first: number,
  audit: Audit & { readonly operation: string },
  otherwise?: EventBody
): void => {
  if (turn.events.length === first && otherwise !== undefined) turn.events.push(otherwise)
  const { actor = self, operation, partOf, ...end } = audit
  for (let index = first; index < turn.events.length; index += 1) {
    turn.events[index] = {
      ...turn.events[index]!,
      actor,
      operation,
      ...(partOf === undefined ? {} : { partOf }),
      ...(index === first ? end : {})
    }
  }
}

export const held = ({ images }: Memory, image: ImageRef): Holding => {
  const name = format(image)
  const digest = images.ids[name]
  return { image: name, ...(digest === undefined ? {} : { digest }) }
}

/** What a sighting shows to be there; undefined where it is not clear. */
export const seen = (memory: Memory, sighting: Sighting): Holding | null | undefined => {
  switch (sighting._tag) {
    case "Unknown":
      return undefined
    case "Absent":
      return null
    default:
      return held(memory, sighting.image)
  }
}

/** Folds the end of a call by `fold`, and records it. */
export const auditedCall = (turn: Turn, input: Extract<Input, { _tag: "Acted" }>, fold: () => void): void => {
  const { inFlight } = turn.watched(input.container)
  const first = turn.events.length
  fold()
  if (inFlight?.operation !== input.operation) return
  const outcome = callOutcomes[input.outcome._tag]
  sign(turn, first, {
    ...inFlight.audit,
    operation: input.operation,
    outcome,
    duration: turn.now.mono - inFlight.since,
    ...(inFlight.before === undefined ? {} : { before: inFlight.before }),
    ...(outcome === "done" ? { after: inFlight.after } : {})
  }, {
    severity: "info",
    reason: `${input.action}Ended`,
    message: `${input.action} of ${input.container} is ${outcome} (${input.operation}).`,
    container: input.container
  })
}

/** The same for the end of a transfer, which always says something. */
export const auditedTransfer = (
  turn: Turn,
  input: Extract<Input, { _tag: "Transferred" }>,
  fold: () => void
): void => {
  const { transfer } = turn.memory.images
  const first = turn.events.length
  fold()
  if (transfer?.operation !== input.operation) return
  sign(turn, first, {
    ...transfer.audit,
    operation: input.operation,
    outcome: transferOutcomes[input.outcome._tag],
    duration: turn.now.mono - transfer.since,
    ...(input.sent === undefined ? {} : { sent: input.sent }),
    ...(input.outcome._tag === "Deployed"
      ? { after: { image: input.outcome.image, digest: input.outcome.configDigest } }
      : {})
  })
}

/**
 * Whatever is said while the saga goes on is of it; what is said last when it ends records how. The next one may begin
 * in its place at once.
 */
export const auditedSaga = (turn: Turn, fold: () => void): void => {
  const { lastUpgrade, upgrade } = turn.memory.durable
  const first = turn.events.length
  fold()
  const { durable } = turn.memory
  const ended = durable.lastUpgrade === lastUpgrade ? null : durable.lastUpgrade
  const saga = ended ?? durable.upgrade ?? upgrade
  if (saga === null) return
  const begun = ended === null || durable.upgrade === null
    ? -1
    : turn.events.findIndex(({ reason }, index) => index >= first && reason === "UpgradeBegun")
  const end = begun === -1 ? turn.events.length : begun
  sign(turn, first, { operation: saga.id })
  if (ended !== null && end > first) {
    turn.events[end - 1] = { ...turn.events[end - 1]!, outcome: sagaOutcomes[ended.outcome] }
  }
  if (durable.upgrade !== null) sign(turn, end, { operation: durable.upgrade.id })
}

const sagaOutcomes: Readonly<Record<SagaOutcome, AuditOutcome>> = {
  committed: "done",
  rolledBack: "failed",
  degraded: "failed",
  superseded: "cancelled"
}

const callOutcomes: Readonly<Record<Outcome["_tag"], AuditOutcome>> = {
  Done: "done",
  Ambiguous: "unclear",
  Refused: "refused"
}

const transferOutcomes: Readonly<Record<TransferOutcome["_tag"], AuditOutcome>> = {
  Deployed: "done",
  Unproven: "unclear",
  Rejected: "refused",
  Failed: "failed",
  Cancelled: "cancelled"
}
