/** The port that says which SONiC version the DPU boots next; by default nobody can tell. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import type { SonicVersion } from "../model/version.ts"

/** Left: a sentence for people that says why it cannot be told. */
export type NextReading = Either.Either<SonicVersion, string>

export class NextVersion extends Context.Reference<NextVersion>()("offloader/NextVersion", {
  defaultValue: (): Effect.Effect<NextReading> =>
    Effect.succeed(Either.left("which version the DPU boots next cannot be told here; say it with --to VERSION"))
}) {}
