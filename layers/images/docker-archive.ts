/** Archives as `docker save` and `podman save` write them: `manifest.json` names config and layers. */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

import { type Claim, decodeText, type Judged } from "./contents.ts"
import type { Member } from "./scan.ts"

export const manifestName = "manifest.json"

/** The one image that the manifest names. */
export const readDockerManifest = (manifest: Member): Judged<Claim> =>
  Either.flatMap(decodeText(Manifest, manifest, `its ${manifestName}`), (images): Judged<Claim> => {
    const image = images[0]
    if (image === undefined) return Either.left(`its ${manifestName} names no image`)
    if (images.length > 1) {
      const names = images.map((each) => each.RepoTags?.[0] ?? "one without a name").join(", ")
      return Either.left(`it holds ${images.length} images (${names}); an archive that can be sent holds one`)
    }
    return Either.right({
      names: image.RepoTags ?? [],
      config: image.Config,
      layers: image.Layers ?? [],
      source: manifestName
    })
  })

const strings = Schema.optional(Schema.NullOr(Schema.Array(Schema.String)))

// Named, since the whole type would else stand in the sentence that an operator reads.
const Manifest = Schema.Array(
  Schema.Struct({ Config: Schema.NonEmptyString, RepoTags: strings, Layers: strings })
    .annotations({ identifier: "an image's entry" })
).annotations({ identifier: "a list of images" })
