/**
 * What the NPU's processor is, so that no image is sent that it cannot run. The
 * wire does not tell, so it is given, or learnt: an image that runs there, and of
 * which this DPU has an archive with the same config, is of the NPU's kind.
 * Otherwise it is not known, and nothing is guessed.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

import type { RunningImage } from "../decide/input.ts"
import { format, type ImageRef, sameRepository } from "../model/image.ts"
import type { ImageArchive, ImageSourceService } from "../npu/image-source.ts"
import type { NpuService } from "../npu/npu.ts"

/** As the operator says, spelled as OCI does: amd64, arm64; undefined where nobody says. */
export class GivenArchitecture extends Context.Reference<GivenArchitecture>()("offloader/GivenArchitecture", {
  defaultValue: (): string | undefined => undefined
}) {}

/** What is known, and from what, as a sentence begins: "the NPU is amd64, as --npu-architecture says". */
interface Known {
  readonly architecture: string
  readonly because: string
}

/** Why this archive must not be sent to an NPU that runs these; undefined where nothing speaks against it. */
export type Check = (
  archive: ImageArchive,
  running: ReadonlyArray<RunningImage>
) => Effect.Effect<string | undefined>

export const make = Effect.fnUntraced(function*(
  npu: Pick<NpuService, "images">,
  source: Pick<ImageSourceService, "architectureOf">
): Effect.fn.Return<Check> {
  const given = yield* GivenArchitecture
  // A processor does not change: what is once known is known.
  let known: Known | undefined = given === undefined
    ? undefined
    : { architecture: given, because: "as --npu-architecture says" }

  const learn = Effect.fnUntraced(function*(running: ReadonlyArray<RunningImage>) {
    if (running.length === 0) return undefined
    const rows = yield* npu.images
    for (const { container, image } of running) {
      const id = idOf(rows, image)
      const architecture = id === undefined ? undefined : yield* source.architectureOf(id)
      if (architecture !== undefined) return { architecture, because: `since ${container} runs ${format(image)} there` }
    }
    return undefined
  })

  return Effect.fn("NpuArchitecture.check")(function*(archive, running) {
    if (archive.architecture === "") return undefined
    // Without the list nothing is learnt; whether the NPU answers is the transfer's to find out.
    known ??= yield* Effect.orElseSucceed(learn(running), () => undefined)
    if (known === undefined) {
      yield* Effect.annotateLogs(
        Effect.logInfo("the NPU's architecture is not known; the image is sent as it is"),
        { image: format(archive.image), architecture: archive.architecture }
      )
      return undefined
    }
    return known.architecture === archive.architecture
      ? undefined
      : `it is for ${archive.architecture}, and the NPU is ${known.architecture}, ${known.because}`
  })
})

type Rows = Effect.Effect.Success<NpuService["images"]>

/** Only where one row alone can be meant: a row's tags may be those of several repositories. */
const idOf = (rows: Rows, image: ImageRef): string | undefined => {
  const matches = rows.filter((row) => sameRepository(row.repository, image.repository) && row.tags.includes(image.tag))
  return matches.length === 1 ? matches[0]?.id : undefined
}
