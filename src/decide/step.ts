/**
 * The step: the one function that judges. Everything that can happen comes in
 * as an Input; out come the next memory, actions, events and replies. It is a
 * function of its arguments alone, so that every run can be replayed.
 */
import type { ContainerSpec } from "../model/catalogue.ts"
import { format } from "../model/image.ts"
import { auditedCall, auditedSaga, auditedTransfer, held, seen, sign } from "./audit.ts"
import { spoken } from "./capable.ts"
import { commanded } from "./command.ts"
import { noteConditions, noteUpgrade } from "./conditions.ts"
import { forgetContest } from "./contest.ts"
import type { Circumstances, Input, Output } from "./input.ts"
import { listImages } from "./list-images.ts"
import type { ContainerAction, Memory } from "./memory.ts"
import { looked } from "./observe.ts"
import { acted, imagesListed, imagesNotListed, transferred } from "./outcome.ts"
import { reckon } from "./owe.ts"
import { probed } from "./probe.ts"
import { beginTransfer } from "./transfer.ts"
import { Turn } from "./turn.ts"
import { advance, provision } from "./upgrade/advance.ts"
import { observe } from "./upgrade/clock.ts"
import { archivesKept } from "./upgrade/keep.ts"
import { changing } from "./upgrade/members.ts"
import { prune, removed } from "./upgrade/prune.ts"
import { configureUpgrade, versionChanged } from "./upgrade/target.ts"
import { type Verdict, verdict } from "./verdict.ts"

export const step = (memory: Memory, input: Input, now: Circumstances): Output => {
  const turn = new Turn(memory, now)
  noteDurability(turn)
  fold(turn, input)
  observe(turn, input)
  for (const spec of turn.memory.specs) {
    forgetContest(turn, spec)
    reckon(turn, spec)
  }
  auditedSaga(turn, () => advance(turn))
  let wakeAt: number | undefined
  for (const spec of turn.memory.specs) {
    wakeAt = earlier(wakeAt, act(turn, spec))
  }
  wakeAt = earlier(wakeAt, provision(turn))
  prune(turn, input)
  noteUpgrade(turn)
  return {
    memory: turn.memory,
    actions: turn.actions,
    events: turn.events,
    replies: turn.replies,
    look: turn.look,
    wakeAt
  }
}

const earlier = (left: number | undefined, right: number | undefined): number | undefined =>
  left === undefined ? right : right === undefined ? left : Math.min(left, right)

const noteDurability = (turn: Turn): void => {
  const { unsavable } = turn.now
  const before = turn.memory.unsaved
  if (unsavable !== undefined && before === undefined) {
    turn.memory = { ...turn.memory, unsaved: { reason: unsavable, since: turn.now } }
    turn.say(
      "error",
      "StateNotDurable",
      `Memory cannot be saved: ${unsavable}. Recovery of running services goes on; new intents and changes of version are refused.`
    )
  } else if (unsavable === undefined && before !== undefined) {
    turn.memory = { ...turn.memory, unsaved: undefined }
    turn.say("notice", "StateDurable", "Memory is saved again.")
  }
}

const fold = (turn: Turn, input: Input): void => {
  switch (input._tag) {
    case "Configured":
      return configured(turn, input)
    case "VersionRead":
      return versionRead(turn, input.version)
    case "VersionUnreadable":
      return versionUnreadable(turn, input.reason)
    case "Looked":
      return looked(turn, input.look)
    case "Probed":
      return probed(turn, input)
    case "ConnectionLost":
      turn.setNpu({ broke: true })
      // Of an NPU that cannot be reached it is no news: it is asked again by the period, not in a hot loop.
      if (turn.memory.npu.reachable !== false) turn.look = true
      return
    case "Spoken":
      return spoken(turn, input.speech)
    case "ImagesListed":
      return imagesListed(turn, input)
    case "ImagesNotListed":
      return imagesNotListed(turn, input.reason)
    case "Acted":
      return auditedCall(turn, input, () => acted(turn, input))
    case "Transferred":
      return auditedTransfer(turn, input, () => transferred(turn, input))
    case "ArchivesKept":
      return archivesKept(turn, input)
    case "Commanded":
      return commanded(turn, input)
    case "ImageRemoved":
      return removed(turn, input)
    case "Woke":
      return
  }
}

const configured = (turn: Turn, input: Extract<Input, { _tag: "Configured" }>): void => {
  const life = turn.memory.life === "" ? Math.floor(turn.now.wall / 1000).toString(36) : turn.memory.life
  turn.memory = { ...turn.memory, life, dpu: input.dpu, specs: input.specs, policy: input.policy }
  // Setting nothing still creates the record where there is none.
  for (const spec of input.specs) turn.setRecord(spec.name, {})
  configureUpgrade(turn)
}

const versionRead = (turn: Turn, version: Extract<Input, { _tag: "VersionRead" }>["version"]): void => {
  const before = turn.memory.target
  versionChanged(turn, version)
  if (before._tag === "Known" && before.version === version) return
  turn.memory = { ...turn.memory, target: { _tag: "Known", version } }
  turn.say("notice", "TargetVersion", `The DPU runs SONiC ${version}; its containers shall run the same.`)
}

const versionUnreadable = (turn: Turn, reason: string): void => {
  const before = turn.memory.target
  if (before._tag === "Unreadable" && before.reason === reason) return
  const last = before._tag === "Known" ? before.version : before._tag === "Unreadable" ? before.last : undefined
  turn.memory = { ...turn.memory, target: { _tag: "Unreadable", reason, last } }
  const { upgrade } = turn.memory.durable
  const meanwhile = upgrade === null
    ? "No upgrade begins by itself until it can"
    : `${upgrade.id} goes on; no other upgrade begins by itself until it can`
  turn.say("warning", "VersionUnreadable", `The DPU's SONiC version cannot be told: ${reason}. ${meanwhile}.`)
}

/** Does what the verdict says; returns when time alone would change it. */
const act = (turn: Turn, spec: ContainerSpec): number | undefined => {
  const what = verdict(turn.memory, spec, turn.now.mono)
  noteConditions(turn, spec, what)
  switch (what._tag) {
    case "Rest":
      return undefined
    case "Wait":
      return what.until
    case "ListImages":
      listImages(turn)
      return undefined
    case "Deploy":
      beginTransfer(turn, { _tag: "Image", image: what.image }, "Transferring")
      return undefined
    case "Start":
      turn.actions.push({
        _tag: "Start",
        operation: start(turn, spec, what),
        container: spec.name,
        spec,
        image: what.image
      })
      return undefined
    case "Stop":
      turn.actions.push({
        _tag: "Stop",
        operation: fly(turn, spec, "Stop", what),
        container: spec.name,
        force: what.force
      })
      return undefined
    case "Remove":
      turn.actions.push({
        _tag: "Remove",
        operation: fly(turn, spec, "Remove", what),
        container: spec.name,
        instance: what.instance
      })
      return undefined
  }
}

/** What it starts from is what recovery keeps it at from now on. */
const start = (turn: Turn, spec: ContainerSpec, what: Extract<Verdict, { _tag: "Start" }>): string => {
  turn.setRecord(spec.name, { assigned: format(what.image) })
  return fly(turn, spec, "Start", what)
}

const fly = (
  turn: Turn,
  spec: ContainerSpec,
  action: ContainerAction,
  what: Extract<Verdict, { _tag: ContainerAction }>
): string => {
  const operation = turn.operation()
  const audit = { operation, ...changing(turn.memory, spec.name) }
  const before = seen(turn.memory, turn.watched(spec.name).sighting)
  turn.setWatched(spec.name, {
    inFlight: {
      operation,
      action,
      since: turn.now.mono,
      audit,
      before,
      after: what._tag === "Start" ? held(turn.memory, what.image) : null
    }
  })
  const first = turn.events.length
  turn.say("info", actionReason[action], `${spec.name}: ${what.message} (${operation}).`, spec.name)
  sign(turn, first, audit)
  return operation
}

const actionReason = { Start: "Starting", Stop: "Stopping", Remove: "Removing" } as const
