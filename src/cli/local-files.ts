/** The file system as `deploy` needs it: to tell a path from an image's name. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

export class LocalFiles extends Context.Tag("offloadctl/LocalFiles")<LocalFiles, {
  /** The absolute path, from the current folder. */
  readonly resolve: (path: string) => Effect.Effect<string>
  /** Why nothing is found at the path, as a sentence; undefined where something is. */
  readonly missing: (path: string) => Effect.Effect<string | undefined>
}>() {}
