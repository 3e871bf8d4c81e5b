/** Ends what a container waits for by the clock: its ladder, its stop's pace, its image's pace. */
import type { ContainerSpec } from "../model/catalogue.ts"
import { format } from "../model/image.ts"
import { wantedImage } from "./question.ts"
import type { Turn } from "./turn.ts"

/** Returns whether there was anything that it waited for. */
export const collapse = (turn: Turn, spec: ContainerSpec): boolean => {
  const { mono } = turn.now
  const { due } = turn.record(spec.name)
  const waitsForStart = due !== null && due.at > mono
  if (waitsForStart) turn.setRecord(spec.name, { due: { ...due, at: mono } })
  const waitsForStop = turn.watched(spec.name).nextStop > mono
  if (waitsForStop) turn.setWatched(spec.name, { nextStop: Number.NEGATIVE_INFINITY })
  const waitsForImage = due !== null && hurryImage(turn, spec)
  return waitsForStart || waitsForStop || waitsForImage
}

/** The next list of images and the next transfer of this container's image may come at once. */
const hurryImage = (turn: Turn, spec: ContainerSpec): boolean => {
  const { nextListing, pace } = turn.memory.images
  const image = wantedImage(turn.memory, spec)
  const paced = image === undefined ? undefined : pace[format(image)]
  const waits = nextListing > turn.now.mono || (paced !== undefined && paced.at > turn.now.mono)
  if (!waits) return false
  turn.setImages({
    nextListing: Number.NEGATIVE_INFINITY,
    pace: paced === undefined || image === undefined
      ? pace
      : { ...pace, [format(image)]: { ...paced, at: turn.now.mono } }
  })
  return true
}
