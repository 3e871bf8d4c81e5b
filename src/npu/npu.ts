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
import { format, type ImageRef } from "../model/image.ts"
import type { Look, LookResult } from "../model/look.ts"
import { monotonic } from "../model/monotonic.ts"
import type { ReadPolicy } from "../policy/calls.ts"
import { ActivePolicy, type Policy } from "../policy/policy.ts"
import * as Schedules from "../policy/schedules.ts"
import { classify, NpuError } from "./error.ts"
import type { ImageArchive } from "./image-source.ts"
import { confirmMissing, readAll, settleUnspecified } from "./look.ts"
import type { StartContainerRequest, StreamMethod, StreamMethods } from "./messages.ts"
import { type ContainerRow, containerRow, holdsImage, type ImageRow, imageRow } from "./rows.ts"
import { type ConnectionEvent, Wire, type WireError, type WireService } from "./wire.ts"

export interface NpuService {
  /** `host:port`, for messages. */
  readonly endpoint: string
  /** One look at these containers; what could not be seen is in the result. */
  readonly look: (names: ReadonlyArray<string>) => Effect.Effect<Look>
  /** Every image of the NPU's store. */
  readonly images: Effect.Effect<ReadonlyArray<ImageRow>, NpuError>
  readonly start: (spec: ContainerSpec, image: ImageRef) => Effect.Effect<void, NpuError>
  /** With `force` the engine kills; without, it asks first and may take long. */
  readonly stop: (name: string, force: boolean) => Effect.Effect<void, NpuError>
  /** Never with force: the server itself refuses where the container runs after all. */
  readonly remove: (name: string) => Effect.Effect<void, NpuError>
  /**
   * Sends an archive and proves by ListImage that it arrived. `onProgress` hears
   * the bytes sent so far, up to many times a second.
   */
  readonly deploy: (
    archive: ImageArchive,
    onProgress: (sentBytes: number) => void
  ) => Effect.Effect<void, NpuError>
  /** The container's output as it comes; ends when the container stops. */
  readonly log: (name: string, follow: boolean) => Stream.Stream<string, NpuError>
  readonly connection: Stream.Stream<ConnectionEvent>
}

export class Npu extends Context.Tag("offloader/Npu")<Npu, NpuService>() {}

export const layer: Layer.Layer<Npu, never, Wire> = Layer.effect(
  Npu,
  Effect.gen(function*() {
    const wire = yield* Wire
    const policy = yield* ActivePolicy
    return make(wire, policy)
  })
)

const make = (wire: WireService, policy: Policy): NpuService => {
  const failed = (error: WireError) => classify(wire.endpoint, error)

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

  const containers = (all: boolean) =>
    Effect.flatMap(read("ListContainer", { all }, policy.rpc.ListContainer), (rows) => decodeRows(rows, containerRow))

  // Untraced: once a second, and a span costs as much as the look.
  const look = Effect.fnUntraced(function*(names: ReadonlyArray<string>) {
    const begun = yield* monotonic
    const result = yield* sightings(names).pipe(
      Effect.catchAll((error) =>
        Effect.succeed<LookResult>({
          _tag: "Failed",
          // Whoever answers with a status of its own is there.
          reachable: !unanswered.has(error.class),
          reason: error.reason
        })
      )
    )
    return { begun, ended: yield* monotonic, result }
  })

  const sightings = Effect.fnUntraced(function*(names: ReadonlyArray<string>): Effect.fn.Return<LookResult, NpuError> {
    const first = readAll(yield* containers(true), names)
    const seen = new Map(first.sightings)
    if (first.unspecified.length > 0) {
      for (const [name, sighting] of settleUnspecified(yield* containers(false), first.unspecified)) {
        seen.set(name, sighting)
      }
    }
    if (first.missing.length > 0) {
      for (const [name, sighting] of confirmMissing(yield* containers(true), first.missing)) seen.set(name, sighting)
    }
    return { _tag: "Seen", sightings: seen }
  })

  const images = Effect.flatMap(read("ListImage", {}, policy.rpc.ListImage), (rows) => decodeRows(rows, imageRow))

  const start = Effect.fn("Npu.start")(function*(spec: ContainerSpec, image: ImageRef) {
    const answer = yield* wire.unary(
      "StartContainer",
      startRequest(spec, image),
      Duration.millis(policy.rpc.StartContainer.deadline)
    ).pipe(Effect.mapError(failed))
    if (answer.startOk === undefined || answer.startOk === null) {
      return yield* badAnswer("StartContainer", answer.startError?.details ?? "neither start_ok nor start_error is set")
    }
  })

  const stop = (name: string, force: boolean) =>
    wire.unary(
      "StopContainer",
      { instanceName: name, force },
      Duration.millis(policy.rpc.StopContainer.deadline)
    ).pipe(Effect.mapError(failed), Effect.asVoid, Effect.withSpan("Npu.stop"))

  const remove = (name: string) =>
    wire.unary(
      "RemoveContainer",
      { name, force: false },
      Duration.millis(policy.rpc.RemoveContainer.deadline)
    ).pipe(Effect.mapError(failed), Effect.asVoid, Effect.withSpan("Npu.remove"))

  const deploy = Effect.fn("Npu.deploy")(
    function*(archive: ImageArchive, onProgress: (sentBytes: number) => void) {
      const limits = policy.rpc.Deploy
      const end = yield* wire.deploy({
        transfer: {
          name: archive.image.repository,
          tag: archive.image.tag,
          imageSize: String(archive.bytes.size)
        },
        source: archive.bytes,
        chunkSize: { minimum: limits.minimumChunk, maximum: limits.maximumChunk },
        idleTimeout: Duration.millis(limits.idle),
        loadTimeout: Duration.millis(limits.load),
        onProgress
      }).pipe(Effect.mapError(failed))
      const refusal = end.messages.find((message) => message.imageTransferError != null)?.imageTransferError
      if (refusal != null) {
        return yield* new NpuError({
          class: "ServerFault",
          method: "Deploy",
          reason: `the NPU could not take the image (status ${refusal.code}: ${refusal.message})`
        })
      }
      // The reply proves nothing: some servers say success although nothing was loaded.
      const rows = yield* images
      if (!holdsImage(rows, archive.image, archive.configDigest)) {
        return yield* badAnswer(
          "Deploy",
          `the transfer ended well, but ListImage does not show ${format(archive.image)}`
        )
      }
    }
  )

  const log = (name: string, follow: boolean) =>
    wire.stream("Log", { instanceName: name, follow }).pipe(
      Stream.map((response) => withoutFrames(response.msg)),
      Stream.mapError(failed)
    )

  return { endpoint: wire.endpoint, look, images, start, stop, remove, deploy, log, connection: wire.connection }
}

/** The 8 bytes that an engine puts before each piece of a container that has no terminal. */
const frames = new RegExp("[\\0-\\u0002]\\0{3}[\\s\\S]{4}", "g")
const withoutFrames = (text: string): string => text.includes("\0") ? text.replace(frames, "") : text

const unanswered: ReadonlySet<NpuError["class"]> = new Set(["Unreachable", "TimedOut", "Cancelled"])

const badAnswer = (method: NpuError["method"], reason: string) =>
  new NpuError({ class: "BadAnswer", method, reason: `the NPU's answer to ${method} makes no sense: ${reason}` })

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
