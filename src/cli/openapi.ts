/** `offloadctl openapi`: the control API's description, for programs that speak it themselves. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

import { ExitCode } from "./exit-code.ts"
import { print } from "./screen.ts"

/** The OpenAPI document as JSON text. Made only when asked for: what makes it is slow to load. */
export class OpenApiDocument extends Context.Tag("offloadctl/OpenApiDocument")<OpenApiDocument, {
  readonly text: Effect.Effect<string>
}>() {}

export const openapi = Effect.gen(function*() {
  const document = yield* OpenApiDocument
  yield* print(yield* document.text)
  return ExitCode.done
})
