/**
 * The last output of containers: of each the instance that runs, as it comes,
 * and the one before it. The wire tells no exit code, so this is the only
 * evidence of a crash. In memory; what is kept of an instance that ended is also
 * told to `CrashLogArchive`.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import { ActivePolicy } from "../policy/policy.ts"

/** What an instance said last before it ended. */
export interface CrashLog {
  readonly container: string
  readonly instance: string
  /** When its end was noticed; ISO 8601 UTC. */
  readonly endedAt: string
  readonly text: string
}

export interface CrashLogsService {
  /** Begins the output of an instance anew; give what it says to the result. */
  readonly listen: (container: string, instance: string) => (text: string) => void
  /** The output of an instance has come to its end. */
  readonly ended: (container: string, instance: string) => Effect.Effect<void>
  /**
   * Reads what an instance that ended has left to say, where that was not heard as it came: once, for a bounded time,
   * and whatever comes of it.
   */
  readonly keep: (container: string, instance: string, output: Stream.Stream<string, unknown>) => Effect.Effect<void>
  /** The instance that ended last. */
  readonly previous: (container: string) => CrashLog | undefined
}

export class CrashLogs extends Context.Tag("offloader/CrashLogs")<CrashLogs, CrashLogsService>() {}

/** Where logs of ended instances are kept beyond the daemon's life. Never fails. */
export interface CrashLogArchiveService {
  readonly load: Effect.Effect<ReadonlyArray<CrashLog>>
  readonly save: (log: CrashLog) => Effect.Effect<void>
}

export class CrashLogArchive extends Context.Reference<CrashLogArchive>()("offloader/CrashLogArchive", {
  defaultValue: (): CrashLogArchiveService => ({ load: Effect.succeed([]), save: () => Effect.void })
}) {}

export const layer: Layer.Layer<CrashLogs> = Layer.effect(
  CrashLogs,
  Effect.gen(function*() {
    const { deadline, size } = (yield* ActivePolicy).evidence
    const archive = yield* CrashLogArchive
    const live = new Map<string, { readonly instance: string; readonly tail: Tail }>()
    const reading = new Map<string, Effect.Semaphore>()
    const ended = new Map((yield* archive.load).map((log) => [log.container, log]))
    const listen = (container: string, instance: string) => {
      const tail = new Tail(size)
      live.set(container, { instance, tail })
      return (text: string) => tail.add(text)
    }
    const turnOf = (container: string): Effect.Semaphore => {
      const turn = reading.get(container) ?? Effect.unsafeMakeSemaphore(1)
      reading.set(container, turn)
      return turn
    }
    const end = Effect.fnUntraced(function*(container: string, instance: string) {
      const heard = live.get(container)
      if (heard === undefined || heard.instance !== instance) return
      const endedAt = new Date(yield* Clock.currentTimeMillis).toISOString()
      const log = { container, instance, endedAt, text: heard.tail.text }
      ended.set(container, log)
      yield* archive.save(log)
    })
    return {
      listen,
      ended: end,
      keep: (container, instance, output) =>
        turnOf(container).withPermits(1)(Effect.suspend(() => {
          // Where the server tells no ids, it may be another one than that whose end is kept.
          const known = instance !== "" && ended.get(container)?.instance === instance
          if (known || size === 0) return Effect.void
          const hear = listen(container, instance)
          return Stream.runForEach(output, (text) => Effect.sync(() => hear(text))).pipe(
            Effect.disconnect,
            Effect.timeout(Duration.millis(deadline)),
            Effect.catchAllCause(() => Effect.void),
            Effect.zipRight(end(container, instance))
          )
        })),
      previous: (container) => ended.get(container)
    }
  })
)

/** The end of a text that grows, to a bound. */
class Tail {
  private pieces: Array<string> = []
  private length = 0
  private readonly size: number

  constructor(size: number) {
    this.size = size
  }

  add(text: string): void {
    this.pieces.push(text)
    this.length += text.length
    // Joined now and then only: a talkative container costs little for each line.
    if (this.length > 2 * this.size || this.pieces.length > 1024) this.pieces = [this.text]
    this.length = this.pieces.length === 1 ? this.pieces[0]!.length : this.length
  }

  get text(): string {
    const text = this.pieces.join("")
    return text.length > this.size ? text.slice(text.length - this.size) : text
  }
}
