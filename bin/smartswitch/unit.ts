/** A program that can be ended and started again, as a service manager does it. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

import type { ProcessError, RunningProcess } from "../../layers/lab/process.ts"

export interface Unit {
  readonly start: Effect.Effect<void, ProcessError>
  /** SIGKILL; done when it has ended. */
  readonly kill: Effect.Effect<void>
  /** Everything that it printed, of all its lives. */
  readonly log: () => string
  /** What it printed last, where it ended and nobody had ended it. */
  readonly fallen: () => string | undefined
}

interface Life {
  readonly process: RunningProcess
  readonly scope: Scope.CloseableScope
  readonly meant: Deferred.Deferred<void>
}

/** It is started by `start`, and ended at the end of the scope at the latest; `hear` hears what it prints. */
export const make = (
  hear: (line: string) => void,
  launch: (onLine: (line: string) => void) => Effect.Effect<RunningProcess, ProcessError, Scope.Scope>
): Effect.Effect<Unit, never, Scope.Scope> =>
  Effect.gen(function*() {
    let life: Life | undefined
    let fallen: string | undefined
    const lines: Array<string> = []
    const onLine = (line: string): void => {
      hear(line)
      lines.push(line)
      if (lines.length > kept) lines.splice(0, kept / 2)
    }
    const end = Effect.suspend(() => {
      const ended = life
      life = undefined
      return ended === undefined
        ? Effect.void
        : Effect.zipRight(Deferred.succeed(ended.meant, undefined), Scope.close(ended.scope, Exit.void))
    })
    yield* Effect.addFinalizer(() => end)
    const start = Effect.gen(function*() {
      const scope = yield* Scope.make()
      const process = yield* Effect.onError(
        Scope.extend(launch(onLine), scope),
        () => Scope.close(scope, Exit.void)
      )
      const meant = yield* Deferred.make<void>()
      life = { process, scope, meant }
      yield* Effect.forkIn(
        Effect.raceFirst(
          Deferred.await(meant),
          Effect.map(
            process.exit,
            (ending) => void (fallen = `it ended by itself with ${ending}:\n${process.output()}`)
          )
        ),
        scope
      )
    })
    return {
      start: Effect.zipRight(end, start),
      kill: Effect.suspend(() =>
        life === undefined
          ? Effect.void
          : Effect.zipRight(
            Deferred.succeed(life.meant, undefined),
            Effect.zipRight(life.process.signal("SIGKILL"), life.process.exit)
          )
      ).pipe(Effect.zipRight(end)),
      log: () => lines.join("\n"),
      fallen: () => fallen
    }
  })

/** Lines. */
const kept = 20_000
