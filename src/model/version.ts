/**
 * SONiC versions: free text that is compared for equality, never for order.
 *
 * The same version has several spellings on a switch: `20241211.35` in
 * `sonic_version.yml`, `SONiC.20241211.35` in `show version`,
 * `SONiC-OS-20241211.35` in `sonic-installer` and gNOI `OS.Verify`,
 * `/host/image-20241211.35` on disk. `normalise` brings them to the first.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/** What a container tag may hold: OCI's grammar, at most 128 characters. */
export const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/

/** A normalised SONiC version that can serve as a container tag. */
export const SonicVersion = Schema.String.pipe(Schema.pattern(tagPattern), Schema.brand("SonicVersion"))
export type SonicVersion = typeof SonicVersion.Type

/** A version text that cannot be a container tag, or is empty. */
export class VersionError extends Data.TaggedError("VersionError")<{ readonly text: string; readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

const prefixes = ["/host/image-", "SONiC-OS-", "SONiC."]

/** Brings any spelling of a SONiC version to that of `build_version`. */
export const normalise = (text: string): Either.Either<SonicVersion, VersionError> => {
  const trimmed = text.trim()
  const prefix = prefixes.find((candidate) => trimmed.startsWith(candidate))
  const version = prefix === undefined ? trimmed : trimmed.slice(prefix.length)
  if (version === "") return Either.left(new VersionError({ text, reason: "the version is empty" }))
  if (version === "latest") {
    return Either.left(
      new VersionError({ text, reason: "\"latest\" is not a version: it names another image every day" })
    )
  }
  if (!tagPattern.test(version)) return Either.left(new VersionError({ text, reason: explain(version) }))
  return Either.right(version as SonicVersion)
}

const explain = (version: string): string => {
  if (version.length > 128) {
    return `the version is ${version.length} characters long; an image tag holds at most 128`
  }
  const offending = [...new Set([...version].filter((character) => !/[A-Za-z0-9_.-]/.test(character)))]
  return offending.length === 0
    ? `the version ${JSON.stringify(version)} begins with ${
      JSON.stringify(version[0])
    }; an image tag begins with a letter, a digit or "_"`
    : `the version ${JSON.stringify(version)} holds ${
      offending.map((character) => JSON.stringify(character)).join(", ")
    }; `
      + "an image tag holds letters, digits, \"_\", \".\" and \"-\" only"
}
