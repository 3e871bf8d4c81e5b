/** Image references as container engines write them: `[host[:port]/]path[:tag]`. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

import { tagPattern } from "./version.ts"

export interface ImageRef {
  /** With registry host and port, where the name has one; never with a tag. */
  readonly repository: string
  readonly tag: string
}

/** A repository: path components in lower case, with an optional registry host. */
export const repositoryPattern =
  /^(?:(?:[a-zA-Z0-9.-]+(?::[0-9]+)?|\[[0-9a-fA-F:]+\](?::[0-9]+)?)\/)?[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/

export const Repository = Schema.String.pipe(
  Schema.maxLength(255),
  Schema.pattern(repositoryPattern, {
    message: () => "an image name in lower case, such as docker-database or host:5000/docker-database, without a tag"
  })
)

export const ImageRefSchema = Schema.Struct({
  repository: Repository,
  tag: Schema.String.pipe(Schema.pattern(tagPattern))
})

export const format = (image: ImageRef): string => `${image.repository}:${image.tag}`

/**
 * Splits `repository:tag` at the last colon that is not a registry port. Does
 * not check either half: what an engine reports may be odd, and still has to be
 * shown. A name without a tag reads as `latest`, as engines do.
 */
export const split = (text: string): ImageRef => {
  const colon = text.lastIndexOf(":")
  return colon <= text.lastIndexOf("/")
    ? { repository: text, tag: "latest" }
    : { repository: text.slice(0, colon), tag: text.slice(colon + 1) }
}

/** Reads what a person wrote: `name:tag`, both halves required and well-formed. */
export const parse = (text: string): Either.Either<ImageRef, string> => {
  const colon = text.lastIndexOf(":")
  if (colon <= text.lastIndexOf("/")) return Either.left(`${JSON.stringify(text)} has no tag; write NAME:TAG`)
  const image = split(text)
  if (!repositoryPattern.test(image.repository)) {
    return Either.left(`${JSON.stringify(image.repository)} is not an image name`)
  }
  if (!tagPattern.test(image.tag)) return Either.left(`${JSON.stringify(image.tag)} is not a tag`)
  return Either.right(image)
}

/**
 * Whether an engine showed a digest or an id in place of a name, as it does when
 * the image of a running container has lost its name. It tells neither
 * repository nor version.
 */
export const isNameless = (image: ImageRef): boolean =>
  /(?:^|@)sha256$/.test(image.repository) || idPattern.test(image.repository)

const idPattern = /^[0-9a-f]{12,64}$/

/** Whether what an engine shows in place of a lost name is the image of this id; either may be shortened. */
export const isShownAs = (image: ImageRef, id: string): boolean => {
  const digits = id.replace(/^sha256:/, "")
  return idPattern.test(digits) &&
    [image.repository, image.tag].some((shown) =>
      idPattern.test(shown) && (shown.startsWith(digits) || digits.startsWith(shown))
    )
}

const defaultHosts = ["localhost/", "docker.io/library/", "docker.io/"]

/** The repository without the host that an engine adds to a short name by itself. */
export const familiar = (repository: string): string => {
  const host = defaultHosts.find((candidate) => repository.startsWith(candidate))
  return host === undefined ? repository : repository.slice(host.length)
}

export const sameRepository = (left: string, right: string): boolean => familiar(left) === familiar(right)

export const same = (left: ImageRef, right: ImageRef): boolean =>
  left.tag === right.tag && sameRepository(left.repository, right.repository)

/** One image of the NPU's store: the names of one id. */
export interface StoredImage {
  /** Without the algorithm's prefix; may be shortened by the server. */
  readonly id: string
  /** Of the first of its names; a tag may belong to another. */
  readonly repository: string
  readonly tags: ReadonlyArray<string>
}
