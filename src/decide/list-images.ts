/** One list answers for every image that anything waits for. */
import { format, type ImageRef } from "../model/image.ts"
import type { Memory } from "./memory.ts"
import { wantedImage } from "./question.ts"
import type { Turn } from "./turn.ts"
import { stagedImages } from "./upgrade/members.ts"

export const listImages = (turn: Turn): void => {
  turn.setImages({ listing: true, listed: turn.now.mono })
  turn.actions.push({ _tag: "ListImages", images: askedImages(turn.memory) })
}

/** Those that services shall run, and all of those that are being staged. */
const askedImages = (memory: Memory): ReadonlyArray<ImageRef> => {
  const wanted = memory.specs.flatMap((spec) => wantedImage(memory, spec) ?? [])
  return [...new Map([...wanted, ...stagedImages(memory)].map((image) => [format(image), image])).values()]
}
