/** What an image archive says that it holds, judged from a scan of its members. */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

import { type ImageRef, parse } from "../../src/model/image.ts"
import { largestText, type Member, type Scan } from "./scan.ts"

export interface Contents {
  /** Never empty. */
  readonly names: ReadonlyArray<ImageRef>
  /** `sha256:` and 64 hexadecimal digits. */
  readonly configDigest: string
  /** Empty where the config does not say. */
  readonly architecture: string
}

/** One image, before its members have been looked for. */
export interface Claim {
  readonly names: ReadonlyArray<string>
  /** The config's member. */
  readonly config: string
  readonly layers: ReadonlyArray<string>
  /** Which member says so, for messages. */
  readonly source: string
}

/** A sentence for people, in place of a value. */
export type Judged<A> = Either.Either<A, string>

/** Holds an image's claim against the members that are there. */
export const verify = (scan: Scan, claim: Claim): Judged<Contents> =>
  Either.gen(function*() {
    const names = yield* parseNames(claim.names)
    const config = yield* memberOf(scan, claim.config, `${claim.source} names its config`)
    const described = yield* decodeText(Config, config, "its config")
    const diffIds = described.rootfs?.diff_ids
    if (diffIds !== undefined && diffIds.length !== claim.layers.length) {
      return yield* Either.left(
        `its parts do not fit together: ${claim.source} lists ${claim.layers.length} layers, its config ${diffIds.length}`
      )
    }
    for (const [index, name] of claim.layers.entries()) {
      const layer = yield* memberOf(scan, name, `${claim.source} names the layer`)
      const diffId = diffIds?.[index]
      if (diffId !== undefined && !layer.compressed && diffId !== `sha256:${layer.sha256}`) {
        return yield* Either.left(
          `it is damaged: the layer ${name} has the digest sha256:${layer.sha256}, not ${diffId}`
        )
      }
    }
    return { names, configDigest: `sha256:${config.sha256}`, architecture: described.architecture ?? "" }
  })

/** The member of this name, through links; one named for its digest must have it. */
export const memberOf = (scan: Scan, name: string, who: string): Judged<Member> => {
  const target = follow(scan, name)
  const member = scan.members.get(target)
  if (member === undefined) return Either.left(`it is incomplete: ${who} ${name}, which is not in the archive`)
  const promised = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(target)?.[1]
  return promised === undefined || promised === member.sha256
    ? Either.right(member)
    : Either.left(`it is damaged: ${target} has the digest sha256:${member.sha256}`)
}

/** Decodes a member's JSON; `what` names it in messages. */
export const decodeText = <A, I>(schema: Schema.Schema<A, I>, member: Member, what: string): Judged<A> => {
  if (member.text === undefined) {
    return Either.left(
      member.size > largestText
        ? `${what} has ${member.size} bytes; at most ${largestText} are read`
        : `${what} is not JSON`
    )
  }
  return Either.mapLeft(Schema.decodeUnknownEither(Schema.parseJson(schema))(member.text), (error) => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    const where = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.map(String).join(".")}`
    return `${what} is not as it should be${where}: ${issue?.message ?? "it cannot be read"}`
  })
}

const Config = Schema.Struct({
  architecture: Schema.optional(Schema.String),
  rootfs: Schema.optional(Schema.Struct({ diff_ids: Schema.optional(Schema.Array(Schema.String)) }))
})

const parseNames = (names: ReadonlyArray<string>): Judged<ReadonlyArray<ImageRef>> => {
  const distinct = [...new Set(names)]
  return distinct.length === 0
    ? Either.left("its image has no name; save the image by NAME:TAG, not by its id")
    : Either.mapLeft(Either.all(distinct.map(parse)), (reason) => `the name of its image cannot be used: ${reason}`)
}

/** Links in archives of `docker save` point to a layer that is there once; eight hops end any circle. */
const follow = (scan: Scan, name: string): string => {
  let target = name
  for (let hop = 0; hop < 8; hop += 1) {
    const next = scan.links.get(target)
    if (next === undefined) return target
    target = next
  }
  return target
}
