/** Folders and hand-made archives for the tests of the image source. */
import { createHash } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import { layerFolder } from "../../../layers/images/folder.ts"
import type { ImageContent } from "../../../layers/images/pack.ts"
import { type Member, writeTar } from "../../../layers/images/tar-write.ts"
import { ImageSource, type ImageSourceService } from "../../../src/npu/image-source.ts"

export const temporaryFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "offloader-images-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
)

export const withSource = <A, E>(
  directory: string,
  use: (source: ImageSourceService) => Effect.Effect<A, E, Scope.Scope>
): Effect.Effect<A, E> => Effect.scoped(Effect.provide(Effect.flatMap(ImageSource, use), layerFolder({ directory })))

export const content = (...names: ReadonlyArray<string>): ImageContent => ({
  names,
  architecture: "arm64",
  files: { "/bin/serve": "#!/bin/sh\n", "/etc/name": names.join(",") }
})

export const put = (path: string, bytes: Uint8Array | string): Effect.Effect<string> =>
  Effect.as(Effect.promise(() => writeFile(path, bytes)), path)

export const putTar = (path: string, members: ReadonlyArray<Member>): Effect.Effect<string> =>
  Effect.flatMap(Effect.promise(() => writeTar(members)), (bytes) => put(path, bytes))

export const file = (name: string, body: unknown): Member => ({
  type: "file",
  name,
  bytes: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body))
})

export const sha256 = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex")
