/** The image store: names and ids, what is in use, how much room is left. */
import * as Either from "effect/Either"

import { familiar, format, type ImageRef, same, sameRepository, split } from "../../../src/model/image.ts"
import type {
  Filter,
  InBandStatus,
  ListImageRequest,
  ListImageResponse,
  RemoveImageRequest
} from "../../../src/npu/messages.ts"
import { ofLabels } from "./behaviour.ts"
import type { ArchivedImage, Container, Core, Image } from "./core.ts"
import { type Answer, refuse } from "./reply.ts"

/** One row for each image id: the first repository's name, the tags of all joined by a comma. */
export const list = (core: Core, request: ListImageRequest): Answer<ReadonlyArray<ListImageResponse>> => {
  const rows: Array<ListImageResponse> = []
  for (const image of core.images.values()) {
    if (request.filter !== undefined && !request.filter.every((filter) => matches(image, filter))) continue
    rows.push({
      id: image.id,
      imageName: image.names[0]?.repository ?? "<none>",
      tag: image.names.length === 0 ? "<none>" : image.names.map((name) => name.tag).join(",")
    })
    if (request.limit !== undefined && request.limit > 0 && rows.length >= request.limit) break
  }
  return Either.right(rows)
}

/** Removes a name, and the image with its last name. Force does not reach an image whose container runs. */
export const remove = (core: Core, request: RemoveImageRequest): Answer<InBandStatus> => {
  const ref: ImageRef = { repository: request.name, tag: request.tag === "" ? "latest" : request.tag }
  const image = find(core, ref)
  if (image === undefined) return refuse("NOT_FOUND", `image ${format(ref)} not found`)
  const last = image.names.length === 1
  const user = usersOf(core, image).find((container) =>
    (last || same(container.image, ref)) && (container.state === "running" || request.force !== true)
  )
  if (user !== undefined) {
    return refuse(
      core.options.quirks.imageInUse,
      `image ${format(ref)} is used by container ${user.name} (${user.state})`
    )
  }
  if (last) core.images.delete(image.id)
  else image.names = image.names.filter((name) => !same(name, ref))
  refreshNames(core)
  return Either.right({})
}

/** The image of this name and tag, with or without the host that an engine adds to short names. */
export const find = (core: Core, ref: ImageRef): Image | undefined => {
  for (const image of core.images.values()) {
    for (const name of image.names) if (same(name, ref)) return image
  }
  return undefined
}

/** Bytes that a new transfer may take. Never negative. */
export const freeBytes = (core: Core): number => {
  let used = core.disk.filler
  for (const image of core.images.values()) used += image.size
  for (const transfer of core.transfers) used += transfer.received
  return Math.max(0, core.disk.capacity - used)
}

/** Takes an image in and gives it these names; they leave the images that had them. */
export const add = (core: Core, archived: ArchivedImage, names: ReadonlyArray<ImageRef>, size: number): Image => {
  const known = core.images.get(archived.configDigest)
  const image: Image = known ?? {
    id: archived.configDigest,
    names: [],
    architecture: archived.architecture,
    size,
    labels: archived.labels,
    behaviour: ofLabels(archived.labels),
    loadedAt: core.time
  }
  core.images.set(image.id, image)
  for (const name of names) {
    for (const other of core.images.values()) {
      if (other.names.some((held) => same(held, name))) other.names = other.names.filter((held) => !same(held, name))
    }
    image.names = [...image.names, qualified(core, name)]
  }
  refreshNames(core)
  return image
}

/** Lists show the id of an image whose name means another one by now. */
export const refreshNames = (core: Core): void => {
  for (const container of core.containers.values()) container.imageName = shownName(core, container)
}

export const shownName = (core: Core, container: Pick<Container, "image" | "imageId">): string => {
  const image = core.images.get(container.imageId)
  const name = image?.names.find((held) => same(held, container.image))
  return name === undefined ? container.imageId : format(name)
}

export const usersOf = (core: Core, image: Image): ReadonlyArray<Container> =>
  [...core.containers.values()].filter((container) => container.imageId === image.id)

/** Images that have no name and no container. */
export const removeDangling = (core: Core): void => {
  for (const image of Array.from(core.images.values())) {
    if (image.names.length === 0 && usersOf(core, image).length === 0) core.images.delete(image.id)
  }
}

const qualified = (core: Core, name: ImageRef): ImageRef => {
  const prefix = core.options.quirks.shortNamePrefix
  const first = name.repository.split("/")[0]!
  const hasHost = name.repository.includes("/") && (/[.:]/.test(first) || first === "localhost")
  return prefix === "" || hasHost ? name : { repository: prefix + name.repository, tag: name.tag }
}

const matches = (image: Image, filter: Filter): boolean => {
  if (filter.key === "reference") {
    return filter.value.some((value) => {
      const wanted = value.includes(":") ? split(value) : undefined
      return image.names.some((name) =>
        wanted === undefined ? sameRepository(name.repository, value) : same(name, wanted)
      )
    })
  }
  if (filter.key === "label") return filter.value.every((value) => hasLabel(image.labels, value))
  if (filter.key === "dangling") return filter.value.includes(String(image.names.length === 0))
  return filter.key === "name" &&
    filter.value.some((value) => image.names.some((name) => familiar(name.repository).includes(value)))
}

/** `key` or `key=value`, as container engines filter by label. */
export const hasLabel = (labels: Readonly<Record<string, string>>, wanted: string): boolean => {
  const equals = wanted.indexOf("=")
  return equals < 0 ? wanted in labels : labels[wanted.slice(0, equals)] === wanted.slice(equals + 1)
}
