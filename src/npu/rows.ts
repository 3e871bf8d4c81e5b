/**
 * Reading the rows of ListContainer and ListImage as real servers send them:
 * several names joined by commas, a leading slash on each, repositories with
 * ports and hosts that the engine added, tags of several repositories in one row.
 */
import type { ImageRef, StoredImage } from "../model/image.ts"
import { familiar, isNameless, split } from "../model/image.ts"
import type { ContainerStatusName, ListContainerResponse, ListImageResponse } from "./messages.ts"

/** One container of a list, its names separated and without their slashes. */
export interface ContainerRow {
  readonly id: string
  readonly names: ReadonlyArray<string>
  readonly image: ImageRef
  readonly version: string | undefined
  readonly status: ContainerStatusName
}

/** One image of a list. */
export type ImageRow = StoredImage

const statuses: ReadonlySet<string> = new Set(["UNSPECIFIED", "STOPPED", "RUNNING", "PRESENT", "NOT_FOUND"])

/**
 * The longest that is believed, characters. An id is a digest, a tag has 128 at the
 * most, a repository 255 and its host as many: what is longer is no engine's, and
 * would be kept and shown.
 */
const longest = { id: 256, image: 1024, version: 128 }

/** A row that is not what the interface says yields a sentence instead. */
export const containerRow = (row: ListContainerResponse): ContainerRow | string => {
  if (typeof row.name !== "string" || typeof row.imageName !== "string" || typeof row.id !== "string") {
    return "a row without id, name and image"
  }
  if (row.id.length > longest.id || row.imageName.length > longest.image) return "a row with an endless id or image"
  const image = split(row.imageName)
  return {
    id: row.id,
    // Nearly every row has one name, and a look reads them all.
    names: simpleName.test(row.name) ? [row.name.slice(1)] : namesOf(row.name),
    image,
    version: versionOf(image, row.labels),
    // An enum number that this client does not know says nothing either.
    status: statuses.has(row.status) ? row.status : "UNSPECIFIED"
  }
}

const simpleName = /^\/[^,\s]+$/

const namesOf = (text: string): ReadonlyArray<string> =>
  text.split(",").map((name) => name.trim().replace(/^\//, "")).filter((name) => name !== "")

/**
 * The tag, or the label `Tag` where the tag is `latest`. Engines show a container
 * by its image's digest once the image's name is gone: that tells no version.
 */
const versionOf = (image: ImageRef, labels: Readonly<Record<string, string>> | undefined): string | undefined => {
  const label = labels?.["Tag"]
  if (image.tag !== "latest" && image.tag !== "" && !isNameless(image)) return image.tag
  return label === undefined || label === "" || label.length > longest.version ? undefined : label
}

export const imageRow = (row: ListImageResponse): ImageRow | string =>
  typeof row.id !== "string" || typeof row.imageName !== "string" || typeof row.tag !== "string"
    ? "a row without id, name and tag"
    : row.id.length > longest.id || row.imageName.length > longest.image
    ? "a row with an endless id or name"
    : {
      id: row.id.replace(/^sha256:/, ""),
      repository: row.imageName,
      tags: row.tag.split(",").map((tag) => tag.trim()).filter((tag) => tag !== "")
    }

/** Whether a list of images shows one under its name, whatever image that is. */
export const holdsImage = (rows: ReadonlyArray<ImageRow>, image: ImageRef): boolean => under(rows, image).length > 0

/** What a list shows after a transfer: the image that was sent, nothing of that name, or the one that was there before. */
export type Showing =
  | { readonly _tag: "Shown" }
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Kept"; readonly id: string }

/**
 * Reads a list made after a transfer; `before` is one from before it.
 *
 * A row carries the first repository's name and the tags of all: the tag may be
 * another repository's, so a row under another name shows the image only by the
 * config digest. Docker and podman give an image's config digest as its id, and
 * then that proves it. Other stores give another digest, a manifest's, and the
 * interface does not say which: an id unlike the config digest is held against
 * the name only where the same name had the same id before, so that nothing was
 * replaced. (Where ids are of the other kind, this also meets an image that is
 * sent over itself.) Where no id is told, the name alone has to do.
 */
export const showing = (
  rows: ReadonlyArray<ImageRow>,
  before: ReadonlyArray<ImageRow>,
  image: ImageRef,
  configDigest: string
): Showing => {
  if (rows.some((row) => hasTag(row, image) && sameId(row.id, configDigest))) return { _tag: "Shown" }
  const now = under(rows, image)
  const [first] = now
  if (first === undefined) return { _tag: "Missing" }
  const old = under(before, image)
  return now.every(({ id }) => old.some((row) => sameId(row.id, id) || sameId(id, row.id)))
    ? { _tag: "Kept", id: first.id }
    : { _tag: "Shown" }
}

const under = (rows: ReadonlyArray<ImageRow>, image: ImageRef): ReadonlyArray<ImageRow> =>
  rows.filter((row) => hasTag(row, image) && familiar(row.repository) === familiar(image.repository))

const hasTag = (row: ImageRow, image: ImageRef): boolean => row.tags.some((tag) => tagMatches(tag, image))

/** Some servers put the repository into the tag column too. */
const tagMatches = (tag: string, image: ImageRef): boolean =>
  tag === image.tag ||
  (tag.includes(":") && split(tag).tag === image.tag && familiar(split(tag).repository) === familiar(image.repository))

/** Engines shorten ids; twelve digits are the shortest that any shows. */
export const sameId = (id: string, configDigest: string): boolean =>
  id.length >= 12 && configDigest.replace(/^sha256:/, "").startsWith(id)
