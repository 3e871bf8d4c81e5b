/** `offloadctl logs`: what a container says, or what the instance before it said last. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import { EventFeed, type OutputQuery } from "./event-feed.ts"
import { ExitCode } from "./exit-code.ts"
import { Usage } from "./problem.ts"
import { print } from "./screen.ts"
import { plain } from "./text.ts"

export const logs = Effect.fn("logs")(function*(query: OutputQuery) {
  if (query.follow && query.previous) {
    return yield* new Usage({
      message: "logs: an instance that ended says nothing more; --previous goes without --follow"
    })
  }
  const feed = yield* EventFeed
  yield* Stream.runForEach(feed.output(query), (line) => print(plain(line.replace(/\r$/, ""))))
  return ExitCode.done
})
