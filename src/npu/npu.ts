/**
 * The one client of an NPU, above `Wire`: what a list means, what a failure
 * means, when an image is there. Reads are repeated by policy; a mutating call
 * is sent exactly once, whatever comes back.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import type { ContainerSpec } from "../model/catalogue.ts"
import type { ImageRef } from "../model/image.ts"
import type { Look, LookResult } from "../model/look.ts"
import { monotonic } from "../model/monotonic.ts"
import type { Capability, Speech } from "../model/speech.ts"
import type { ReadPolicy } from "../policy/calls.ts"
import { ActivePolicy, type Policy } from "../policy/policy.ts"
import * as Schedules from "../policy/schedules.ts"
import { type ClockReading, type Conversation, make as makeConversation } from "./conversation.ts"
import * as Deploy from "./deploy.ts"
import { generationOf, isMissing, isUnknownMethod, oldestName } from "./dialect.ts"
import { classify, classifyInBand, isAnswered, NpuError } from "./error.ts"
import type { ImageArchive } from "./image-source.ts"
import { type InBandError, inBandError } from "./in-band.ts"
import { confirmMissing, readAll, settleUnspecified, usersOf } from "./look.ts"
import type { InBandStatus, StartContainerRequest, StreamMethod, StreamMethods } from "./messages.ts"
import { RemoteSource, type RemoteSourceOptions } from "./remote-source.ts"
import { type ContainerRow, containerRow, type ImageRow, imageRow } from "./rows.ts"
import { type ConnectionEvent, Wire, type WireError, type WireService } from "./wire.ts"

export interface NpuService {
  /** `host:port` as it is now, for messages. */
  readonly endpoint: string
  /** One look at these containers; what could not be seen is in the result. */
  readonly look: (names: ReadonlyArray<string>, repositories?: ReadonlyArray<string>) => Effect.Effect<Look>
  /** Every image of the NPU's store. */
  readonly images: Effect.Effect<ReadonlyArray<ImageRow>, NpuError>
  /** Every container of the NPU, of whichever DPU, as the last look showed them; undefined before the first. Asks nothing. */
  readonly containers: Effect.Effect<ReadonlyArray<ContainerRow> | undefined>
  readonly start: (spec: ContainerSpec, image: ImageRef) => Effect.Effect<void, NpuError>
  /** With `force` the engine kills; without, it asks first and may take long. */
  readonly stop: (name: string, force: boolean) => Effect.Effect<void, NpuError>
  /** Never with force: the server itself refuses where the container runs after all. */
  readonly remove: (name: string) => Effect.Effect<void, NpuError>
  /** One name of an image, never with force: the server refuses while a container uses it. */
  readonly removeImage: (image: ImageRef) => Effect.Effect<void, NpuError>
  /**
   * Sends an archive, or has the NPU fetch it where it takes no upload, and proves
   * by ListImage that it arrived. `onProgress` hears the bytes sent so far, up to
   * many times a second.
   */
  readonly deploy: (
    archive: ImageArchive,
    onProgress: (sentBytes: number) => void
  ) => Effect.Effect<Deploy.Arrival, NpuError>
  /** The container's output as it comes; ends when the container stops. */
  readonly log: (name: string, follow: boolean) => Stream.Stream<string, NpuError>
  readonly connection: Stream.Stream<ConnectionEvent>
  /** What its server turns out to speak, now and at each change; found out while `attend` runs. */
  readonly speech: Stream.Stream<Speech>
  /** Asks each connection once what it is, and its clock now and then; runs until interrupted. */
  readonly attend: Effect.Effect<never>
  /** How its clock stood to ours when last asked. */
  readonly clock: Effect.Effect<ClockReading | undefined>
}

export class Npu extends Context.Tag("offloader/Npu")<Npu, NpuService>() {}

export const layer: Layer.Layer<Npu, never, Wire> = Layer.effect(
  Npu,
  Effect.gen(function*() {
    const wire = yield* Wire
    const policy = yield* ActivePolicy
    const remote = yield* RemoteSource
    return make(wire, policy, yield* makeConversation(wire, policy, remote !== undefined), remote)
  })
)

const make = (
  wire: WireService,
  policy: Policy,
  conversation: Conversation,
  remote: RemoteSourceOptions | undefined
): NpuService => {
  const failed = (error: WireError) => {
    conversation.noteError(error)
    return classify(wire.endpoint, error)
  }
  const failedInBand = (method: NpuError["method"], error: InBandError) => {
    conversation.noteCode()
    return classifyInBand(wire.endpoint, method, error)
  }
  /** What this connection's server calls it. */
  const nameOf = <M extends keyof typeof oldestName>(method: M): M | typeof oldestName[M] =>
    conversation.shown().lists === "List" ? oldestName[method] : method
  const lacks = (capability: Capability): boolean => isMissing(conversation.shown(), remote !== undefined, capability)

  const read = <M extends StreamMethod>(method: M, request: StreamMethods[M]["request"], by: ReadPolicy) => {
    const attempt = Effect.mapError(wire.collect(method, request, Duration.millis(by.deadline)), failed)
    const again = (error: NpuError): boolean => by.on[error.class] === "retry"
    // The schedule begins with the first failure: most reads never need one, and it costs as much as they do.
    return Effect.catchIf(attempt, again, (error) => {
      let failures = 0
      const next = Effect.suspend(() => failures++ === 0 ? Effect.fail(error) : attempt)
      return Effect.retry(next, { schedule: Schedules.read(by), while: again })
    })
  }

  const rowsBy = (name: "ListContainer" | "List", all: boolean) =>
    Effect.tap(read(name, { all }, policy.rpc.ListContainer), () => Effect.sync(() => conversation.noteList(name)))

  /** By the name of today, else by the oldest, which a server may have with nothing behind it. */
  const containers = (all: boolean) =>
    Effect.suspend(() => rowsBy(nameOf("ListContainer"), all)).pipe(
      Effect.catchIf(
        (error) => error.method === "ListContainer" && isUnheardOf(error),
        (unheard) => {
          const server = conversation.connections()
          return Effect.tapError(rowsBy("List", all), (error) =>
            Effect.sync(() => {
              // Another server that came in between has only been asked by the name that it need not know.
              if (conversation.connections() !== server) return
              if (isUnheardOf(error)) conversation.noteList("neither")
              else if (error.class === "Unsupported") conversation.noteList("List")
            })).pipe(Effect.mapError((error) => error.class === "Unsupported" ? unheard : error))
        }
      ),
      Effect.flatMap((rows) => decodeRows(rows, containerRow))
    )

  /** Asks for a sign of life alone. Whatever it answers, it is there. */
  const pulse = Effect.suspend(() => wire.unary("Time", {}, Duration.millis(policy.rpc.Time.deadline))).pipe(
    Effect.mapError(failed),
    Effect.catchIf(isAnswered, () => Effect.void)
  )

  let lastSeen: ReadonlyArray<ContainerRow> | undefined

  const unlisted = (reason: string): LookResult => ({ _tag: "Unlisted", reason })

  // Untraced: once a second, and a span costs as much as the look.
  const look = Effect.fnUntraced(function*(names: ReadonlyArray<string>, repositories?: ReadonlyArray<string>) {
    const begun = yield* monotonic
    const asked = lacks("list")
      ? Effect.as(pulse, unlisted("the NPU's server does not list its containers"))
      : sightings(names, repositories ?? [])
    const result = yield* asked.pipe(
      Effect.catchAll((error) =>
        Effect.succeed<LookResult>(
          error.class === "Unsupported" ? unlisted(error.reason) : {
            _tag: "Failed",
            reachable: isAnswered(error),
            reason: error.reason,
            ...(error.fault === undefined ? {} : { fault: error.fault })
          }
        )
      )
    )
    return { begun, ended: yield* monotonic, result }
  })

  const sightings = Effect.fnUntraced(function*(
    names: ReadonlyArray<string>,
    repositories: ReadonlyArray<string>
  ): Effect.fn.Return<LookResult, NpuError> {
    const rows = yield* containers(true)
    lastSeen = rows
    const first = readAll(rows, names)
    let seen = first.sightings
    if (first.unspecified.length > 0) seen = settleUnspecified(yield* containers(false), first)
    if (first.missing.length > 0) seen = confirmMissing(yield* containers(true), first.missing, seen)
    return { _tag: "Seen", sightings: seen, users: usersOf(rows, repositories) }
  })

  const images = Effect.flatMap(read("ListImage", {}, policy.rpc.ListImage), (rows) => decodeRows(rows, imageRow))

  const start = Effect.fn("Npu.start")(function*(spec: ContainerSpec, image: ImageRef) {
    const answer = yield* wire.unary(
      nameOf("StartContainer"),
      startRequest(spec, image),
      Duration.millis(policy.rpc.StartContainer.deadline)
    ).pipe(Effect.mapError(failed))
    const error = inBandError("StartContainer", answer, generationOf(conversation.shown()))
    if (error !== undefined) return yield* failedInBand("StartContainer", error)
    if (answer.startOk === undefined || answer.startOk === null) {
      return yield* badAnswer("StartContainer", "neither start_ok nor start_error is set")
    }
  })

  /** Ends as the answer says, not as its status does. */
  const told = (
    method: "StopContainer" | "RemoveContainer" | "RemoveImage",
    answer: Effect.Effect<InBandStatus, WireError>
  ) =>
    Effect.flatMap(Effect.mapError(answer, failed), (status) => {
      const error = inBandError(method, status, generationOf(conversation.shown()))
      if (error !== undefined) return failedInBand(method, error)
      if ((status.code ?? 0) !== 0) conversation.noteCode()
      return Effect.void
    })

  const stop = (name: string, force: boolean) =>
    told(
      "StopContainer",
      Effect.suspend(() =>
        wire.unary(
          nameOf("StopContainer"),
          { instanceName: name, force },
          Duration.millis(policy.rpc.StopContainer.deadline)
        )
      )
    ).pipe(Effect.withSpan("Npu.stop"))

  const remove = (name: string) =>
    told(
      "RemoveContainer",
      Effect.suspend(() =>
        wire.unary(
          nameOf("RemoveContainer"),
          { name, force: false },
          Duration.millis(policy.rpc.RemoveContainer.deadline)
        )
      )
    ).pipe(Effect.withSpan("Npu.remove"))

  const removeImage = ({ repository, tag }: ImageRef) =>
    told(
      "RemoveImage",
      Effect.suspend(() =>
        wire.unary(
          "RemoveImage",
          { name: repository, tag, force: false },
          Duration.millis(policy.rpc.RemoveImage.deadline)
        )
      )
    ).pipe(Effect.withSpan("Npu.removeImage"))

  const deploy = Deploy.make({
    wire,
    policy: policy.rpc.Deploy,
    remote,
    takesUploads: () => conversation.shown().lists !== "List",
    listsImages: () => !lacks("images"),
    images,
    failed
  })

  const log = (name: string, follow: boolean) =>
    wire.stream("Log", { instanceName: name, follow }).pipe(
      Stream.map((response) => withoutFrames(response.msg)),
      Stream.mapError(failed)
    )

  return {
    get endpoint() {
      return wire.endpoint
    },
    look,
    images,
    containers: Effect.sync(() => lastSeen),
    start,
    stop,
    remove,
    removeImage,
    deploy,
    log,
    connection: wire.connection,
    speech: conversation.speech,
    attend: conversation.attend,
    clock: Effect.sync(conversation.clock)
  }
}

const isUnheardOf = (error: NpuError): boolean =>
  error.class === "Unsupported" && error.origin === "server" && isUnknownMethod(error.reason)

/** The 8 bytes that an engine puts before each piece of a container that has no terminal. */
const frames = new RegExp("[\\0-\\u0002]\\0{3}[\\s\\S]{4}", "g")
const withoutFrames = (text: string): string => text.includes("\0") ? text.replace(frames, "") : text

const badAnswer = (method: NpuError["method"], reason: string) =>
  new NpuError({
    class: "BadAnswer",
    origin: "client",
    method,
    reason: `the NPU's answer to ${method} makes no sense: ${reason}`
  })

const decodeRows = <Raw, Row extends ContainerRow | ImageRow>(
  rows: ReadonlyArray<Raw>,
  decode: (raw: Raw) => Row | string
): Effect.Effect<ReadonlyArray<Row>, NpuError> => {
  const decoded: Array<Row> = []
  for (const raw of rows) {
    const row = decode(raw)
    if (typeof row === "string") return badAnswer("ListContainer", row)
    decoded.push(row)
  }
  return Effect.succeed(decoded)
}

const startRequest = (spec: ContainerSpec, image: ImageRef): StartContainerRequest => ({
  imageName: image.repository,
  tag: image.tag,
  instanceName: spec.name,
  ports: spec.ports,
  environment: spec.environment,
  volumes: spec.volumes,
  network: spec.network,
  labels: spec.labels,
  // The offloader is the one controller: the engine must not restart on its own.
  restart: { policy: "NONE" }
})
