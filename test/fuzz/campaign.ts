/**
 * How hostile cases are run: in batches, each from one seed and with peers of
 * its own, several side by side. Seeds are printed, and a batch that fails names
 * the command that runs it alone.
 *
 *   OFFLOADER_FUZZ_CASES  how many cases all targets run together, 20,000
 *   OFFLOADER_FUZZ_SEED   the first batch's seed, 1
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"

import { Chance } from "../../src/simulate/chance.ts"

const total = Number(process.env["OFFLOADER_FUZZ_CASES"] ?? 20_000)
const firstSeed = Number(process.env["OFFLOADER_FUZZ_SEED"] ?? 1)

export interface Campaign {
  readonly target: string
  /** The file, for the command that runs one batch again. */
  readonly file: string
  /** The part of all cases that this target runs; those of all targets come to 1. */
  readonly share: number
  /** Cases in a batch. */
  readonly batch: number
  /** Batches side by side: some cases wait for a deadline. */
  readonly lanes: number
  readonly run: (chance: Chance, cases: number) => Effect.Effect<void, unknown, Scope.Scope>
}

/** What must end has not. */
class Hangs extends Data.TaggedError("Hangs")<{ readonly message: string }> {}

/**
 * Fails where it does not end: after 400 short waits, far longer than any deadline
 * that a case waits for. A machine that stands still for a while is one wait.
 */
export const soon = <A, E, R>(effect: Effect.Effect<A, E, R>, what: string): Effect.Effect<A, E | Hangs, R> =>
  Effect.raceFirst(
    effect,
    Effect.zipRight(
      Effect.repeatN(Effect.sleep("50 millis"), 400),
      Effect.suspend(() => new Hangs({ message: `it hangs: ${what}` }))
    )
  )

/** What all batches together may leave behind in the heap, bytes: no case may leave a kilobyte. */
const leftBehind = 48 * 2 ** 20

export const campaign = ({ batch, file, lanes, run, share, target }: Campaign): void => {
  const batches = Math.max(1, Math.ceil(total * share / batch))
  it.live(`${target}: ${batches * batch} cases, seeds ${firstSeed} to ${firstSeed + batches - 1}`, () =>
    Effect.gen(function*() {
      const runBatch = (index: number) => {
        const seed = firstSeed + index
        return run(new Chance(seed), batch).pipe(
          Effect.scoped,
          Effect.catchAllCause((cause) =>
            Effect.die(
              new Error(
                `seed ${seed}: ${Cause.pretty(cause)}\nagain: OFFLOADER_FUZZ_SEED=${seed} OFFLOADER_FUZZ_CASES=1 `
                  + `npx vitest run --project fuzz ${file}`
              )
            )
          )
        )
      }
      const first = Math.min(batches, lanes)
      yield* Effect.forEach(range(0, first), runBatch, { concurrency: lanes, discard: true })
      const before = heap()
      yield* Effect.forEach(range(first, batches), runBatch, { concurrency: lanes, discard: true })
      assert.isAtMost(heap() - before, leftBehind, "bytes left behind in the heap")
    }).pipe(Logger.withMinimumLogLevel(LogLevel.None)))
}

const range = (from: number, to: number): ReadonlyArray<number> =>
  Array.from({ length: to - from }, (_, index) => from + index)

/** Bytes in use, garbage put aside. */
const heap = (): number => {
  setFlagsFromString("--expose-gc")
  const gc = runInNewContext("gc") as () => void
  gc()
  return process.memoryUsage().heapUsed
}
