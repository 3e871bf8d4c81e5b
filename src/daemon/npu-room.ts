/**
 * Who holds the room of the NPU's image store, asked when an image found none in
 * it. The wire tells neither sizes nor what is free: a size is known where this
 * DPU has the same image, and what is free where the server's refusal says so.
 */
import * as Effect from "effect/Effect"

import { familiar, format, type ImageRef, isNameless, isShownAs, same } from "../model/image.ts"
import type { Room, StoreHolding } from "../model/room.ts"
import type { ImageArchive, ImageSourceService } from "../npu/image-source.ts"
import type { NpuService } from "../npu/npu.ts"
import { type ContainerRow, type ImageRow } from "../npu/rows.ts"

/** Images of a store that are kept in memory and shown; an NPU of eight DPUs holds some fifty. */
const mostHoldings = 256

/** Undefined where the NPU does not list its images or containers: half of the truth would name the wrong ones. */
export const take = Effect.fn("NpuRoom.take")(function*(
  npu: Pick<NpuService, "images" | "containers">,
  source: Pick<ImageSourceService, "sizesOf">,
  archive: ImageArchive,
  refusal: string
): Effect.fn.Return<Room | undefined> {
  // Containers are as last looked at: looks go one after the other, and a transfer asks for none between them.
  const containers = yield* npu.containers
  const images = yield* Effect.orElseSucceed(npu.images, () => undefined)
  if (containers === undefined || images === undefined) return undefined
  const sizes = yield* source.sizesOf(images.map(({ id }) => id))
  const holdings = images.map((row): StoreHolding => ({
    names: namesOf(row),
    id: row.id,
    bytes: sizes.get(row.id),
    usedBy: containers.filter((container) => isMadeFrom(container, row)).map(({ names }) => names[0] ?? "").sort()
  }))
  const largestFirst = holdings.sort((left, right) => (right.bytes ?? -1) - (left.bytes ?? -1))
  return { needed: archive.bytes.size, free: freeBytes(refusal), holdings: largestFirst.slice(0, mostHoldings) }
})

/** A row carries the tags of all repositories under the name of one. */
const refsOf = ({ repository, tags }: ImageRow): ReadonlyArray<ImageRef> =>
  tags.filter((tag) => tag !== "<none>").map((tag) => ({ repository, tag }))

const namesOf = (row: ImageRow): ReadonlyArray<string> =>
  refsOf(row).map(({ repository, tag }) => format({ repository: familiar(repository), tag }))

/** By name; by id where the image of the container has lost its name. */
const isMadeFrom = ({ image }: ContainerRow, row: ImageRow): boolean =>
  isNameless(image)
    ? isShownAs(image, row.id)
    : refsOf(row).some((ref) => same(ref, image))

/** `… beyond the 300000000 bytes that are free`, `only 300000000 bytes available`. */
const freeBytes = (refusal: string): number | undefined => {
  const figure = /\b(\d{1,15}) bytes (?:that )?(?:are )?(?:free|available)\b/i.exec(refusal)?.[1]
  return figure === undefined ? undefined : Number(figure)
}
