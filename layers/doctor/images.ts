/** The images that this DPU's containers want: whether the NPU has them, or an archive of this DPU. */
import { existsSync } from "node:fs"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import type { Finding } from "../../src/cli/doctor.ts"
import { format, type ImageRef } from "../../src/model/image.ts"
import type { ImageSourceService } from "../../src/npu/image-source.ts"
import { holdsImage, type ImageRow } from "../../src/npu/rows.ts"
import { failure, ok, warning } from "./finding.ts"

const check = "images"

export interface Wanted {
  readonly images: ReadonlyArray<ImageRef>
  readonly source: ImageSourceService
  /** Where archives are. */
  readonly directory: string
  /** The DPU's own container engine, where offloadd looks too; absent for none. */
  readonly engineSocket: string | undefined
  /** What the NPU holds, or why that is not known, as a clause. */
  readonly onNpu: ReadonlyArray<ImageRow> | string
}

/** A finding for each image. */
export const images = (wanted: Wanted): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.forEach(wanted.images, (image) => one(wanted, image))

const one = ({ directory, engineSocket, onNpu, source }: Wanted, image: ImageRef): Effect.Effect<Finding> =>
  Effect.map(Effect.either(Effect.scoped(source.find(image))), (archive) => {
    const name = format(image)
    const there = typeof onNpu !== "string" && holdsImage(onNpu, image)
    const npu = typeof onNpu === "string" ? onNpu : there ? "on the NPU" : "not on the NPU"
    if (Either.isRight(archive)) return ok(check, `${name}: ${npu}, and in ${archive.right.path}`)
    const reason = archive.left.message
    const cure = `put an archive that holds ${name} (docker save) into ${directory}`
    if (archive.left._tag === "ArchiveRejected") return failure(check, `${name}: ${npu}; ${reason}`, cure)
    if (there) return warning(check, `${name}: on the NPU; ${reason}`, `${cure}, or it cannot be sent again`)
    if (engineSocket !== undefined && existsSync(engineSocket)) {
      return warning(check, `${name}: ${npu}; ${reason}; offloadd looks in the engine at ${engineSocket} as well`, cure)
    }
    return failure(check, `${name}: ${npu}; ${reason}`, cure)
  })
