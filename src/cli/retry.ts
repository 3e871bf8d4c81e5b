/** `offloadctl retry`: what waits for its next try is tried at once. */
import * as Effect from "effect/Effect"

import type { RetryAccepted } from "../control/views.ts"
import { ControlClient } from "./control-client.ts"
import { ExitCode } from "./exit-code.ts"
import { Usage } from "./problem.ts"
import { type Format, print, printJson } from "./screen.ts"
import { plain } from "./text.ts"

export interface RetryOptions {
  /** Instance or service name. */
  readonly container: string | undefined
  readonly all: boolean
  readonly output: Format
}

/** Exits 0 also where nothing waited: the wish is fulfilled either way. */
export const retry = Effect.fn("retry")(function*(options: RetryOptions) {
  if ((options.container === undefined) !== options.all) {
    return yield* new Usage({ message: "retry: name one container, or say --all" })
  }
  const client = yield* ControlClient
  const view = yield* client.retry(options.container)
  yield* options.output === "json" ? printJson(view) : print(renderRetry(view))
  return ExitCode.done
})

const renderRetry = (view: RetryAccepted): string =>
  view.containers.map((name) =>
    view.waited.includes(name)
      ? `${plain(name)} is tried at once`
      : `${plain(name)} was not waiting for its next try; "offloadctl status" says how it is`
  ).join("\n")
