/** The transfers of this daemon's life: how far each is, how it ended, how to cancel it. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

import { apiVersion, type DeployStatus } from "../control/views.ts"
import type { TransferOutcome } from "../decide/input.ts"

/** Ended transfers that are remembered, so that a client can read how they ended. */
const rememberedEnded = 20

type Change = Partial<Omit<DeployStatus, "apiVersion" | "operation" | "subject" | "startedAt">>

export interface DeploymentsService {
  readonly begin: (operation: string, subject: string) => Effect.Effect<void>
  /** Synchronous, for progress from inside a transfer. */
  readonly note: (operation: string, change: Change) => void
  readonly conclude: (operation: string, outcome: TransferOutcome) => Effect.Effect<void>
  readonly get: (operation: string) => DeployStatus | undefined
  readonly requestCancel: (operation: string) => Effect.Effect<void>
  /** Completes when somebody asks to cancel. */
  readonly cancelled: (operation: string) => Effect.Effect<void>
}

export class Deployments extends Context.Tag("offloader/Deployments")<Deployments, DeploymentsService>() {}

interface Entry {
  status: DeployStatus
  readonly cancel: Deferred.Deferred<void>
}

export const layer: Layer.Layer<Deployments> = Layer.sync(Deployments, () => {
  const entries = new Map<string, Entry>()

  const begin = Effect.fn("Deployments.begin")(function*(operation: string, subject: string) {
    const startedAt = new Date(yield* Clock.currentTimeMillis).toISOString()
    entries.set(operation, {
      status: {
        apiVersion,
        operation,
        subject,
        image: null,
        phase: "checking",
        sentBytes: 0,
        totalBytes: null,
        startedAt,
        endedAt: null,
        outcome: null,
        message: null
      },
      cancel: yield* Deferred.make<void>()
    })
    const ended = [...entries.values()].filter((entry) => entry.status.outcome !== null)
    for (const entry of ended.slice(0, Math.max(0, ended.length - rememberedEnded))) {
      entries.delete(entry.status.operation)
    }
  })

  const note = (operation: string, change: Change): void => {
    const entry = entries.get(operation)
    if (entry !== undefined) entry.status = { ...entry.status, ...change }
  }

  return {
    begin,
    note,
    conclude: (operation, outcome) =>
      Effect.map(
        Clock.currentTimeMillis,
        (millis) => note(operation, { phase: "done", endedAt: new Date(millis).toISOString(), ...endOf(outcome) })
      ),
    get: (operation) => entries.get(operation)?.status,
    requestCancel: (operation) => {
      const entry = entries.get(operation)
      return entry === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(entry.cancel, undefined))
    },
    // Looked up when it is awaited: the transfer may be put together before it is begun.
    cancelled: (operation) =>
      Effect.suspend(() => {
        const entry = entries.get(operation)
        return entry === undefined ? Effect.never : Deferred.await(entry.cancel)
      })
  }
})

const endOf = (outcome: TransferOutcome): Change => {
  switch (outcome._tag) {
    case "Deployed":
      return { outcome: "succeeded", message: `${outcome.image} is on the NPU (shown by ListImage)` }
    case "Unproven":
      return { outcome: "unproven", message: outcome.reason }
    case "Rejected":
      return { outcome: "rejected", message: outcome.reason }
    case "Failed":
      return { outcome: outcome.unreachable ? "unreachable" : "failed", message: outcome.reason }
    case "Cancelled":
      return { outcome: "cancelled", message: outcome.reason }
  }
}
