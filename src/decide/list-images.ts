/** One list answers for every image that anything waits for. */
import { format, type ImageRef } from "../model/image.ts"
import type { Memory } from "./memory.ts"
import { wantedImage } from "./question.ts"
import type { Turn } from "./turn.ts"
import { stagedImages } from "./upgrade/members.ts"

export const listImages = (turn: Turn): void => {
  turn.setImages({ listing: true })
  turn.actions.push({ _tag: "ListImages", images: unknownImages(turn.memory) })
}

/** Those that services shall run and are not known to be there; all of those that are being staged. */
const unknownImages = (memory: Memory): ReadonlyArray<ImageRef> => {
  const wanted = memory.specs.flatMap((spec): ReadonlyArray<ImageRef> => {
    const image = wantedImage(memory, spec)
    return image === undefined || memory.images.held[format(image)] === true ? [] : [image]
  })
  return [...new Map([...wanted, ...stagedImages(memory)].map((image) => [format(image), image])).values()]
}
