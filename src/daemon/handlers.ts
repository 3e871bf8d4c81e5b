/** The control API, fulfilled: reads from memory, commands into the loop. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"

import { askTimeout } from "../control/answer-time.ts"
import { api } from "../control/api.ts"
import { policyView } from "../control/policy-view.ts"
import {
  BadRequest,
  Busy,
  Declined,
  InternalError,
  NoLog,
  NotRecorded,
  NpuUnreachable,
  UnknownContainer,
  UnknownOperation
} from "../control/problems.ts"
import { apiVersion, type DeployRequest, type DeployStatus } from "../control/views.ts"
import type { DeploySubject, Reply } from "../decide/input.ts"
import { CrashLogs } from "../health/crash-logs.ts"
import { Assignment } from "../model/assignment.ts"
import { parse } from "../model/image.ts"
import { bothClocks } from "../model/monotonic.ts"
import { isAnswered, type NpuError } from "../npu/error.ts"
import { Npu } from "../npu/npu.ts"
import { actorOf } from "./actor.ts"
import { askNpu, failWhileAway } from "./ask-npu.ts"
import { Decider } from "./decider.ts"
import { Deployments } from "./deployments.ts"
import { EventLog } from "./event-log.ts"
import { npuStatus } from "./npu-status.ts"
import { upgrades } from "./upgrade-handlers.ts"
import { find, listView, statusView, versionView } from "./views.ts"

/** What `offloadctl version` shows of the daemon itself. */
export class About extends Context.Tag("offloader/About")<About, {
  readonly version: string
  readonly pid: number
  /** ISO 8601 UTC. */
  readonly startedAt: string
}>() {}

/** The memory, this moment, and the container asked for. */
const subject = Effect.fnUntraced(function*(name: string) {
  const decider = yield* Decider
  const memory = yield* decider.memory
  const spec = find(memory, name)
  if (spec !== undefined) return { memory, spec, now: yield* bothClocks }
  const known = memory.specs.map((candidate) => candidate.name)
  return yield* new UnknownContainer({
    message: `there is no container ${JSON.stringify(name)} on this DPU; there are ${known.join(", ")}`,
    known
  })
})

const containers = HttpApiBuilder.group(api, "containers", (handlers) =>
  handlers
    .handle("list", () =>
      Effect.gen(function*() {
        const decider = yield* Decider
        const { endpoint } = yield* Npu
        const unstorable = yield* (yield* EventLog).unstorable
        return listView(yield* decider.memory, endpoint, yield* dpuName, yield* bothClocks, unstorable)
      }))
    .handle("status", ({ path }) =>
      Effect.gen(function*() {
        const { memory, now, spec } = yield* subject(path.container)
        const { endpoint } = yield* Npu
        return statusView(memory, endpoint, spec, now, (yield* CrashLogs).previous(spec.name))
      }))
    .handle("start", ({ path, request }) => setDesired(path.container, "running", actorOf(request)))
    .handle("stop", ({ path, request }) => setDesired(path.container, "stopped", actorOf(request)))
    .handleRaw("logs", ({ path, urlParams }) =>
      Effect.gen(function*() {
        const { spec } = yield* subject(path.container)
        const text = urlParams.previous === true
          ? Stream.make(yield* previousOutput(spec.name))
          : yield* output(spec.name, urlParams.follow === true)
        return HttpServerResponse.stream(Stream.encodeText(text), { contentType: "text/plain; charset=utf-8" })
      }))
    .handle("retry", ({ path, request }) =>
      Effect.flatMap(subject(path.container), ({ spec }) => retry([spec.name], actorOf(request))))
    .handle("retryAll", ({ request }) =>
      Effect.gen(function*() {
        const memory = yield* (yield* Decider).memory
        return yield* retry(
          memory.specs.map((spec) =>
            spec.name
          ),
          actorOf(request)
        )
      })))

const previousOutput = Effect.fnUntraced(function*(name: string) {
  const previous = (yield* CrashLogs).previous(name)
  if (previous !== undefined) return previous.text
  return yield* new NoLog({ message: `nothing is kept of an instance of ${name} that ended` })
})

/** How long an answer waits for the first output, so that a refusal can still be told. */
const refusalTime = "500 millis"

/** The output as the NPU gives it, to its end; where the NPU breaks off before that, the answer does so with the reason. */
const output = Effect.fnUntraced(function*(name: string, follow: boolean) {
  const npu = yield* Npu
  const said = Stream.mapError(npu.log(name, follow), withheld)
  const pieces = yield* Stream.toQueueOfElements(said, { capacity: 16 })
  const piece = Queue.take(pieces)
  // What was said so far comes, or its end does; a container that is followed may have nothing to say.
  const first = follow
    ? yield* Effect.timeoutOption(piece, refusalTime)
    : Option.some(yield* askNpu("Log", piece))
  if (Option.isSome(first) && Exit.isFailure(first.value)) {
    const problem = Option.flatten(Cause.failureOption(first.value.cause))
    return Option.isSome(problem) ? yield* problem.value : Stream.empty
  }
  const next = Effect.flatten(piece)
  const rest = Stream.repeatEffectOption(
    follow ? next : Effect.timeoutFail(next, {
      duration: askTimeout,
      onTimeout: () =>
        Option.some(new NpuUnreachable({ message: `${npu.endpoint} fell silent in the middle of the output` }))
    })
  )
  // Silence of an NPU that answers is a container with nothing to say; of one that does not, it is no answer.
  if (Option.isNone(first)) yield* failWhileAway
  return Option.match(first, {
    onNone: () => rest,
    onSome: (known) => Stream.concat(Stream.fromEffect(Effect.orDie(known)), rest)
  })
})

/** Why there is no output, or no more of it. */
const withheld = (error: NpuError): NpuUnreachable | NoLog => {
  const { reason: message } = error
  return isAnswered(error) ? new NoLog({ message }) : new NpuUnreachable({ message })
}

const dpuName = Effect.map(Assignment, ({ dpu }) => `dpu${dpu}`)

const setDesired = Effect.fn("Control.setDesired")(function*(
  name: string,
  desired: "running" | "stopped",
  actor: string
) {
  const { spec } = yield* subject(name)
  const decider = yield* Decider
  const reply = yield* decider.command({ _tag: "SetDesired", container: spec.name, desired }, actor)
  if (reply._tag === "Recorded") {
    return { apiVersion, container: spec.name, desired, recordedAt: new Date(reply.at).toISOString() } as const
  }
  return yield* new NotRecorded({ message: reasonOf(reply) })
})

const retry = Effect.fn("Control.retry")(function*(names: ReadonlyArray<string>, actor: string) {
  const decider = yield* Decider
  const reply = yield* decider.command({ _tag: "Retry", containers: names }, actor)
  if (reply._tag === "Retrying") return { apiVersion, containers: names, waited: reply.waited } as const
  return yield* new InternalError({ message: reasonOf(reply) })
})

const reasonOf = (reply: Reply): string => "reason" in reply ? reply.reason : "the daemon took it for something else"

const deployments = HttpApiBuilder.group(api, "deployments", (handlers) =>
  handlers
    .handle("deploy", ({ payload, request }) =>
      Effect.gen(function*() {
        const decider = yield* Decider
        const registry = yield* Deployments
        const reply = yield* decider.command({ _tag: "Deploy", subject: yield* subjectOf(payload) }, actorOf(request))
        const status = reply._tag === "Deploying" ? registry.get(reply.operation) : undefined
        if (status !== undefined) return status
        return yield* new Busy({
          message: reply._tag === "Deploying" ? "it was lost" : reasonOf(reply),
          operation: "operation" in reply ? reply.operation : ""
        })
      }))
    .handle("deployment", ({ path }) => deployment(path.operation))
    .handle("cancel", ({ path, request }) =>
      Effect.gen(function*() {
        const registry = yield* Deployments
        const { operation, outcome, subject: what } = yield* deployment(path.operation)
        const { transfer } = (yield* (yield* Decider).memory).images
        // What a service or an upgrade waits for nobody has asked for, and it would only be sent again.
        const isOwn = transfer?.operation === operation && transfer.audit.actor === undefined
        yield* (yield* EventLog).append([{
          severity: "notice",
          reason: "CancelRequested",
          message: `An operator wants the transfer of ${what} cancelled (${operation}).`,
          actor: actorOf(request),
          operation,
          outcome: outcome === null && !isOwn ? "accepted" : "refused"
        }])
        if (isOwn) {
          return yield* new Declined({
            message: `${operation} is the offloader's own: its services need ${what} on the NPU, so it goes on; `
              + "\"offloadctl plan\" says what for"
          })
        }
        yield* registry.requestCancel(path.operation)
        return yield* deployment(path.operation)
      })))

const subjectOf = (request: DeployRequest): Effect.Effect<DeploySubject, BadRequest> => {
  if ("path" in request) return Effect.succeed({ _tag: "Path", path: request.path })
  return Effect.mapBoth(parse(request.image), {
    onFailure: (message) => new BadRequest({ message }),
    onSuccess: (image): DeploySubject => ({ _tag: "Image", image })
  })
}

const deployment = Effect.fnUntraced(
  function*(operation: string): Effect.fn.Return<DeployStatus, UnknownOperation, Deployments> {
    const status = (yield* Deployments).get(operation)
    if (status !== undefined) return status
    return yield* new UnknownOperation({
      message: `there is no operation ${JSON.stringify(operation)}; operations are forgotten when the daemon restarts`
    })
  }
)

const daemon = HttpApiBuilder.group(api, "daemon", (handlers) =>
  handlers
    .handle("version", () =>
      Effect.gen(function*() {
        const decider = yield* Decider
        const about = yield* About
        const { endpoint } = yield* Npu
        return versionView(
          yield* decider.memory,
          { daemon: about.version, pid: about.pid, startedAt: about.startedAt, dpu: yield* dpuName },
          endpoint
        )
      }))
    .handle("npu", () =>
      Effect.gen(function*() {
        const memory = yield* (yield* Decider).memory
        const { clock, endpoint } = yield* Npu
        return npuStatus(memory, endpoint, yield* dpuName, yield* clock, yield* bothClocks)
      }))
    .handle("policy", () =>
      Effect.gen(function*() {
        return policyView((yield* (yield* Decider).memory).policy)
      }))
    .handleRaw("events", ({ urlParams }) =>
      Effect.gen(function*() {
        const log = yield* EventLog
        const name = urlParams.container === undefined ? undefined : (yield* subject(urlParams.container)).spec.name
        const { operation, since } = urlParams
        const query = {
          ...(name === undefined ? {} : { container: name }),
          ...(operation === undefined ? {} : { operation }),
          ...(since === undefined ? {} : { since: since.toISOString() })
        }
        const events = urlParams.follow === true ? log.follow(query) : log.past(query)
        return HttpServerResponse.stream(
          events.pipe(Stream.map((event) => `${JSON.stringify(event)}\n`), Stream.encodeText),
          { contentType: "application/x-ndjson" }
        )
      })))

/** The API's implementation; where it is served is a layer's matter. */
export const layer = HttpApiBuilder.api(api).pipe(
  Layer.provide([containers, deployments, upgrades, daemon])
)
