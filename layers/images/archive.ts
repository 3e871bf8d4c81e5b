/** From an open file to a judgement: the image that it holds, or why it must not be sent. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { checksumOf } from "./checksum.ts"
import { type Contents, type Judged, verify } from "./contents.ts"
import { manifestName, readDockerManifest } from "./docker-archive.ts"
import { indexName, readOciIndex } from "./oci-layout.ts"
import { currentStamp, type RegularFile, UnusableFile } from "./regular-file.ts"
import { type Scan, scan } from "./scan.ts"

/**
 * Reads the archive to its end, and before that the whole file where a checksum
 * of it was `promised`. The judgement holds as long as the file keeps its stamp;
 * a file that changed meanwhile, or that could not be read, fails.
 */
export const judge = (file: RegularFile, promised?: string): Effect.Effect<Judged<Contents>, UnusableFile> =>
  Effect.gen(function*() {
    if (file.size === 0) return Either.left("it is empty (0 bytes)")
    const checksum = promised === undefined ? undefined : yield* checksumOf(file)
    if (checksum !== promised) {
      return Either.left(`it is damaged: its SHA-256 is ${checksum}, and its checksum file says ${promised}`)
    }
    const scanned = yield* Effect.either(scan(file.handle, file.size))
    if ((yield* currentStamp(file.handle)) !== file.stamp) {
      return yield* new UnusableFile({ reason: "it changed while it was read; wait until it is written whole" })
    }
    if (Either.isRight(scanned)) return judgeScan(scanned.right)
    return scanned.left.lasting
      ? Either.left(scanned.left.reason)
      : yield* new UnusableFile({ reason: scanned.left.reason })
  })

const judgeScan = (scanned: Scan): Judged<Contents> => {
  // Newer Docker writes both; manifest.json is then the one that `docker load` follows.
  const manifest = scanned.members.get(manifestName)
  const index = scanned.members.get(indexName)
  if (manifest !== undefined) {
    return Either.flatMap(readDockerManifest(manifest), (claim) => verify(scanned, claim))
  }
  if (index !== undefined) {
    return Either.flatMap(readOciIndex(scanned, index), (claim) => verify(scanned, claim))
  }
  if (scanned.members.size === 0 && scanned.links.size === 0) {
    return Either.left("it is not an image archive: it is an empty tar")
  }
  return Either.left(
    scanned.closed
      ? `it is not an image archive: it has neither ${manifestName} nor ${indexName}`
      : `it is cut short: it has no end mark, and neither ${manifestName} nor ${indexName}`
  )
}
