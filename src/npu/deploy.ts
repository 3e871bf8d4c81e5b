/**
 * An image's way to the NPU: as an upload, or fetched by the NPU itself where its
 * server takes none; and what shows that it arrived.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

import { format } from "../model/image.ts"
import type { Policy } from "../policy/policy.ts"
import { classifyTransfer, NpuError } from "./error.ts"
import type { ImageArchive } from "./image-source.ts"
import { downloadOf, type RemoteSourceOptions } from "./remote-source.ts"
import { type ImageRow, showing } from "./rows.ts"
import type { DeployCall, WireError, WireService } from "./wire.ts"

/** Whether an image is on the NPU after a deploy that ended well: shown by a list, or said and not to be shown. */
export type Arrival = { readonly shown: true } | { readonly shown: false; readonly reason: string }

export interface DeployOptions {
  readonly wire: WireService
  readonly policy: Policy["rpc"]["Deploy"]
  readonly remote: RemoteSourceOptions | undefined
  /** Whether this connection's server takes content, as far as is known. */
  readonly takesUploads: () => boolean
  /** Whether it has a list of images, as far as is known. */
  readonly listsImages: () => boolean
  readonly images: Effect.Effect<ReadonlyArray<ImageRow>, NpuError>
  readonly failed: (error: WireError) => NpuError
}

export const make = (options: DeployOptions) =>
  Effect.fn("Npu.deploy")(
    function*(
      archive: ImageArchive,
      onProgress: (sentBytes: number) => void
    ): Effect.fn.Return<Arrival, NpuError> {
      const { policy, wire } = options
      // What no list can be had for now, none would prove afterwards: nothing is sent then.
      const before = options.listsImages() ? yield* listed(options.images) : []
      const end = yield* wire.deploy({
        ...yield* cargo(options, archive),
        chunkSize: { minimum: policy.minimumChunk, maximum: policy.maximumChunk },
        loadTimeout: Duration.millis(policy.load),
        onProgress
      }).pipe(Effect.mapError(options.failed))
      const refusal = end.messages.find((message) => message.imageTransferError != null)?.imageTransferError
      if (refusal != null) return yield* classifyTransfer(wire.endpoint, refusal)
      const name = format(archive.image)
      if (!options.listsImages()) {
        return end.messages.some((message) => message.imageTransferSuccess != null)
          ? { shown: false, reason: `the NPU says that it has loaded ${name}, but it does not list its images` }
          : yield* unclear("the transfer ended without a word of how it went, and the NPU does not list its images")
      }
      // The reply proves nothing: some servers say success although nothing was loaded.
      const found = showing(yield* options.images, before, archive.image, archive.configDigest)
      switch (found._tag) {
        case "Shown":
          return { shown: true }
        case "Missing":
          return yield* unclear(`the transfer ended well, but ListImage does not show ${name}`)
        case "Kept":
          return yield* unclear(
            `the transfer ended well, and ${name} is there, but it is another image: ListImage shows the id `
              + `${shortened(found.id)} as before, and what was sent is ${shortened(archive.configDigest)}`
          )
      }
    }
  )

/** The images there; none on a server that turns out to have no list of them. */
const listed = (images: DeployOptions["images"]): DeployOptions["images"] =>
  Effect.catchIf(images, (error) => error.class === "Unsupported", () => Effect.succeed([]))

/** What is announced, and what is sent of it. */
const cargo = (
  { policy, remote, takesUploads }: DeployOptions,
  archive: ImageArchive
): Effect.Effect<Pick<DeployCall, "transfer" | "source" | "idleTimeout">, NpuError> => {
  const { repository: name, tag } = archive.image
  if (takesUploads()) {
    return Effect.succeed({
      transfer: { name, tag, imageSize: String(archive.bytes.size) },
      source: archive.bytes,
      idleTimeout: Duration.millis(policy.idle)
    })
  }
  if (remote === undefined) {
    return new NpuError({
      class: "Unsupported",
      origin: "client",
      method: "Deploy",
      reason: "the NPU takes no upload; it can fetch images from a server that offloadd is told of by --remote-source"
    })
  }
  const file = archive.path.slice(archive.path.lastIndexOf("/") + 1)
  return Effect.succeed({
    transfer: { name, tag, imageSize: "0", remoteDownload: downloadOf(remote, file) },
    idleTimeout: Duration.millis(policy.download)
  })
}

/** A digest as engines show it to people. */
const shortened = (digest: string): string => digest.replace(/^sha256:/, "").slice(0, 12)

const unclear = (reason: string) =>
  new NpuError({
    class: "BadAnswer",
    origin: "client",
    method: "Deploy",
    reason: `the NPU's answer to Deploy makes no sense: ${reason}`
  })
