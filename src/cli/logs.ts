/** `offloadctl logs`: what a container says, or what the instance before it said last. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"

import { ControlClient } from "./control-client.ts"
import { EventFeed, type OutputQuery } from "./event-feed.ts"
import { ExitCode } from "./exit-code.ts"
import { Usage } from "./problem.ts"
import { print, say } from "./screen.ts"
import { orNothing, plain } from "./text.ts"

export const logs = Effect.fn("logs")(function*(query: OutputQuery) {
  if (query.follow && query.previous) {
    return yield* new Usage({
      message: "logs: an instance that ended says nothing more; --previous goes without --follow"
    })
  }
  const feed = yield* EventFeed
  const output = Stream.runForEach(feed.output(query), (line) => print(plain(line.replace(/\r$/, ""))))
  yield* query.follow ? Effect.raceFirst(output, tellOfSilence) : output
  return ExitCode.done
})

/** Between two looks at whether the NPU answers: an outage is noticed within some seconds, and a look costs the daemon little. */
const every = "3 seconds"

/**
 * A container that says nothing and an NPU that is gone look alike to who follows: each absence and each return of the
 * NPU is said once. Never ends. A daemon that is gone ends the output itself, which says so.
 */
const tellOfSilence = Effect.suspend(() => {
  let away = false
  return Effect.flatMap(ControlClient, ({ list }) => list).pipe(
    Effect.tap(({ npu }) => {
      const before = away
      away = npu.reachable === false
      if (away === before) return Effect.void
      const endpoint = plain(npu.endpoint)
      return say(
        away
          ? `offloadctl: the NPU ${endpoint} does not answer (${
            orNothing(npu.reason)
          }): what the container says now is not heard`
          : `offloadctl: the NPU ${endpoint} answers again`
      )
    }),
    Effect.ignore,
    Effect.repeat(Schedule.spaced(every)),
    Effect.zipRight(Effect.never)
  )
})
