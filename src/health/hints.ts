/**
 * Hints from the logs of what runs: a log that is followed ends when its
 * container stops, which is heard at once, where a look comes by its period. A
 * hint asks for an early look and proves nothing. One stream for each running
 * instance, none where the server does not offer it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"

import { monotonic } from "../model/monotonic.ts"
import type { NpuError } from "../npu/error.ts"
import type { NpuService } from "../npu/npu.ts"
import type { ConnectionEvent } from "../npu/wire.ts"
import { delay, payBack } from "../policy/ladder.ts"
import type { Policy } from "../policy/policy.ts"

/** A container whose log may be followed. */
export interface Followed {
  readonly name: string
  /** The instance that runs, as the last clear look showed it; undefined where none does. */
  readonly instance: () => string | undefined
  /** Rings when `instance` changes. */
  readonly changed: Queue.Queue<void>
}

export interface HintsOptions {
  readonly npu: Pick<NpuService, "log" | "connection">
  readonly policy: Policy["hints"]
  readonly followed: ReadonlyArray<Followed>
  /** A log ended: its container has probably stopped. */
  readonly hint: (container: string, instance: string) => Effect.Effect<void>
  /** Called for each stream that is opened; the result takes what the log says, from its beginning. */
  readonly listen: (container: string, instance: string) => (text: string) => void
}

/** Runs until interrupted; then every stream is cancelled. */
export const hints = (options: HintsOptions): Effect.Effect<never> => {
  const { followed, hint, npu, policy } = options
  if (!policy.followLogs) return Effect.never
  /** Counts connections that came after a loss; what a server does not offer is asked for once in each. */
  let connections = 0
  let lost = false
  let unsupportedIn = -1

  const noteConnection = (event: ConnectionEvent): Effect.Effect<void> => {
    if (event._tag === "Disconnected") {
      lost ||= !event.routine
      return Effect.void
    }
    if (!lost) return Effect.void
    lost = false
    connections += 1
    return Effect.forEach(followed, ({ changed }) => Queue.offer(changed, undefined), { discard: true })
  }

  const follow = Effect.fnUntraced(function*(name: string, instance: string) {
    let level = 0
    while (true) {
      if (unsupportedIn === connections) return yield* Effect.never
      const connection = connections
      const begun = yield* monotonic
      const hear = options.listen(name, instance)
      const end = yield* npu.log(name, true).pipe(
        Stream.runForEach((text) => Effect.sync(() => hear(text))),
        Effect.either
      )
      if (end._tag === "Right") yield* hint(name, instance)
      else if (notOffered.has(end.left.class)) {
        unsupportedIn = connection
        continue
      }
      level = payBack(policy, level, (yield* monotonic) - begun) + 1
      yield* Effect.sleep(Duration.millis(delay(policy, level, yield* Random.next)))
    }
  })

  /** Whatever is followed belongs to the instance that runs and to the connection there is. */
  const keepFollowing = Effect.fnUntraced(function*({ changed, instance, name }: Followed) {
    while (true) {
      const running = instance()
      const connection = connections
      const outdated = Effect.repeat(Queue.take(changed), {
        until: () => instance() !== running || connections !== connection
      })
      yield* running === undefined ? outdated : Effect.raceFirst(follow(name, running), outdated)
    }
  })

  return Effect.zipRight(
    Effect.all(
      [Stream.runForEach(npu.connection, noteConnection), ...followed.map(keepFollowing)],
      { concurrency: "unbounded", discard: true }
    ),
    Effect.never
  )
}

/** A server that answers so will do so however often it is asked. */
const notOffered: ReadonlySet<NpuError["class"]> = new Set(["Unsupported", "Invalid", "Denied"])
