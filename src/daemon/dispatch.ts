/**
 * Actions become calls: each mutating call is made once, on a fiber of its own
 * keyed by container, so that a slow one never holds up another. What came of it
 * goes back as an input; nothing is judged here.
 */
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type * as Scope from "effect/Scope"

import type { Action, DeploySubject, Input, Outcome, TransferOutcome } from "../decide/input.ts"
import { CrashLogs } from "../health/crash-logs.ts"
import type { Sent } from "../model/event.ts"
import { format, type ImageRef, sameRepository } from "../model/image.ts"
import { roomText } from "../model/room.ts"
import type { NpuError } from "../npu/error.ts"
import { type ImageArchive, ImageSource } from "../npu/image-source.ts"
import { Npu } from "../npu/npu.ts"
import { holdsImage } from "../npu/rows.ts"
import type { CallReaction, ErrorClass } from "../policy/calls.ts"
import { ActivePolicy } from "../policy/policy.ts"
import { Deployments } from "./deployments.ts"
import * as NpuArchitecture from "./npu-architecture.ts"
import * as NpuRoom from "./npu-room.ts"

export type Dispatch = (action: Action) => Effect.Effect<void>

/** `offer` takes the outcomes. Fibers end with the scope. */
export const make = Effect.fnUntraced(
  function*(
    offer: (input: Input) => Effect.Effect<void>
  ): Effect.fn.Return<Dispatch, never, Npu | ImageSource | Deployments | CrashLogs | Scope.Scope> {
    const npu = yield* Npu
    const source = yield* ImageSource
    const deployments = yield* Deployments
    const crashLogs = yield* CrashLogs
    const { rpc } = yield* ActivePolicy
    const fibers = yield* FiberMap.make<string>()
    const unfit = yield* NpuArchitecture.make(npu, source)

    const act = (action: Extract<Action, { _tag: "Start" | "Stop" | "Remove" }>, call: Effect.Effect<void, NpuError>) =>
      FiberMap.run(
        fibers,
        `container ${action.container}`,
        call.pipe(
          Effect.match({
            onFailure: (error) => outcomeOf(error, rpc[`${action._tag}Container`].on),
            onSuccess: (): Outcome => ({ _tag: "Done" })
          }),
          Effect.catchAllDefect((defect) =>
            Effect.succeed<Outcome>({
              _tag: "Ambiguous",
              reason: `internal error: ${String(defect)}`,
              unreachable: false
            })
          ),
          Effect.flatMap((outcome) =>
            offer({
              _tag: "Acted",
              container: action.container,
              action: action._tag,
              operation: action.operation,
              outcome
            })
          )
        )
      )

    /** What a leftover said last goes with it, so it is read before, where the look has not had it read yet. */
    const keepOutput = ({ container, instance }: Extract<Action, { _tag: "Remove" }>): Effect.Effect<void> =>
      crashLogs.keep(container, instance, npu.log(container, false))

    const removeImage = ({ image, operation }: Extract<Action, { _tag: "RemoveImage" }>) =>
      FiberMap.run(
        fibers,
        "prune",
        npu.removeImage(image).pipe(
          Effect.match({
            onFailure: (error) => outcomeOf(error, rpc.RemoveImage.on),
            onSuccess: (): Outcome => ({ _tag: "Done" })
          }),
          Effect.flatMap((outcome) => offer({ _tag: "ImageRemoved", image: format(image), operation, outcome }))
        )
      )

    const listImages = (images: ReadonlyArray<ImageRef>) =>
      FiberMap.run(
        fibers,
        "images",
        npu.images.pipe(
          Effect.map((rows): Input => ({
            _tag: "ImagesListed",
            asked: images.map(format),
            held: images.filter((image) => holdsImage(rows, image)).map(format),
            rows: rows.filter((row) => images.some(({ repository }) => sameRepository(repository, row.repository)))
          })),
          Effect.catchAll((error) => Effect.succeed<Input>({ _tag: "ImagesNotListed", reason: error.reason })),
          Effect.flatMap(offer)
        )
      )

    const keepArchives = ({ images, operation, spare }: Extract<Action, { _tag: "KeepArchives" }>) =>
      FiberMap.run(
        fibers,
        "archives",
        source.keep(images, spare).pipe(
          Effect.catchAllDefect((defect) =>
            Effect.succeed(images.map((image) => ({ image, reason: `internal error: ${String(defect)}` })))
          ),
          Effect.flatMap((results) =>
            offer({
              _tag: "ArchivesKept",
              operation,
              kept: results.flatMap(({ image, reason }) => reason === undefined ? [format(image)] : []),
              notKept: results.flatMap(({ image, reason }) =>
                reason === undefined ? [] : [{ image: format(image), reason }]
              )
            })
          )
        )
      )

    const open = (subject: DeploySubject) =>
      subject._tag === "Image" ? source.find(subject.image) : source.open(subject.path)

    const transfer = Effect.fnUntraced(function*(operation: string, archive: ImageArchive) {
      const image = format(archive.image)
      const totalBytes = archive.bytes.size
      deployments.note(operation, { image, totalBytes, phase: "sending" })
      return yield* npu.deploy(
        archive,
        (sentBytes) =>
          deployments.note(operation, { sentBytes, ...(sentBytes >= totalBytes ? { phase: "loading" } : {}) })
      ).pipe(
        Effect.map((arrival): TransferOutcome =>
          arrival.shown
            ? { _tag: "Deployed", image, configDigest: archive.configDigest }
            : { _tag: "Unproven", image, reason: arrival.reason }
        ),
        Effect.catchAll((error) => failed(archive, error))
      )
    })

    const failed = Effect.fnUntraced(
      function*(archive: ImageArchive, error: NpuError): Effect.fn.Return<TransferOutcome> {
        if (error.class === "SourceFailed") return { _tag: "Rejected", reason: error.reason }
        const failure = { _tag: "Failed", reason: error.reason, unreachable: isUnreachable(error) } as const
        const room = error.class === "NoRoom" ? yield* NpuRoom.take(npu, source, archive, error.reason) : undefined
        return room === undefined ? failure : { ...failure, reason: `${error.reason}; ${roomText(room)}`, room }
      }
    )

    /** After a cancelled transfer: what the NPU holds of it now. */
    const readBack = (operation: string): Effect.Effect<TransferOutcome> => {
      const { image = null, phase } = deployments.get(operation) ?? {}
      if (image === null) {
        return Effect.succeed({ _tag: "Cancelled", reason: "it was cancelled before anything was sent" })
      }
      const colon = image.lastIndexOf(":")
      const ref: ImageRef = { repository: image.slice(0, colon), tag: image.slice(colon + 1) }
      return npu.images.pipe(
        Effect.map((rows): TransferOutcome => ({
          _tag: "Cancelled",
          reason: holdsImage(rows, ref)
            ? "it was cancelled; the NPU holds an image of that name all the same"
            : phase === "loading"
            ? "it was cancelled when all was sent; the NPU does not hold it, unless it goes on loading it"
            : "it was cancelled; the NPU does not hold it"
        })),
        Effect.catchAll((error) =>
          Effect.succeed<TransferOutcome>({
            _tag: "Cancelled",
            reason: `it was cancelled; whether the NPU holds it cannot be told (${error.reason})`
          })
        )
      )
    }

    const deploy = ({ operation, running, subject }: Extract<Action, { _tag: "Deploy" }>) => {
      let found: ImageArchive | undefined
      const sent = (): { readonly sent?: Sent } =>
        found === undefined ? {} : {
          sent: {
            image: format(found.image),
            digest: found.configDigest,
            bytes: deployments.get(operation)?.sentBytes ?? 0
          }
        }
      return FiberMap.run(
        fibers,
        `transfer ${operation}`,
        open(subject).pipe(
          Effect.matchEffect({
            onFailure: (error) => Effect.succeed<TransferOutcome>({ _tag: "Rejected", reason: error.message }),
            onSuccess: (archive) => {
              found = archive
              return Effect.flatMap(unfit(archive, running), (reason) =>
                reason === undefined
                  ? transfer(operation, archive)
                  : Effect.succeed<TransferOutcome>({ _tag: "Rejected", reason: `${archive.path}: ${reason}` }))
            }
          }),
          Effect.scoped,
          Effect.catchAllDefect((defect) =>
            Effect.succeed<TransferOutcome>({
              _tag: "Failed",
              reason: `internal error: ${String(defect)}`,
              unreachable: false
            })
          ),
          Effect.raceFirst(Effect.as(deployments.cancelled(operation), undefined)),
          Effect.flatMap((outcome) => outcome === undefined ? readBack(operation) : Effect.succeed(outcome)),
          Effect.flatMap((outcome) => offer({ _tag: "Transferred", operation, outcome, ...sent() }))
        )
      )
    }

    return (action) => {
      switch (action._tag) {
        case "Start":
          return Effect.asVoid(act(action, npu.start(action.spec, action.image)))
        case "Stop":
          return Effect.asVoid(act(action, npu.stop(action.container, action.force)))
        case "Remove":
          return Effect.asVoid(act(action, Effect.zipRight(keepOutput(action), npu.remove(action.container))))
        case "RemoveImage":
          return Effect.asVoid(removeImage(action))
        case "ListImages":
          return Effect.asVoid(listImages(action.images))
        case "KeepArchives":
          return Effect.asVoid(keepArchives(action))
        case "Deploy": {
          const text = action.subject._tag === "Image" ? format(action.subject.image) : action.subject.path
          return Effect.zipRight(
            deployments.begin(action.operation, text),
            Effect.asVoid(deploy(action))
          )
        }
      }
    }
  }
)

const isUnreachable = (error: NpuError): boolean => error.class === "Unreachable" || error.class === "TimedOut"

const refusals: Partial<Record<NpuError["class"], Extract<Outcome, { _tag: "Refused" }>["kind"]>> = {
  NotFound: "NotFound",
  Conflict: "Conflict",
  NoRoom: "NoRoom",
  Unsupported: "Unsupported"
}

const outcomeOf = (error: NpuError, on: Readonly<Record<ErrorClass, CallReaction>>): Outcome =>
  on[error.class] === "readBack"
    ? { _tag: "Ambiguous", reason: error.reason, unreachable: isUnreachable(error) }
    : { _tag: "Refused", kind: refusals[error.class] ?? "Other", reason: error.reason }
