import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

import { hints } from "../../../src/health/hints.ts"
import { NpuError, type NpuErrorClass } from "../../../src/npu/error.ts"
import type { ConnectionEvent } from "../../../src/npu/wire.ts"
import { defaults } from "../../../src/policy/policy.ts"

type End = "OK" | NpuErrorClass

/** A log that says "hello" and then waits for the bench to end it. */
const makeBench = Effect.gen(function*() {
  const ends: Array<Queue.Queue<End>> = []
  const connection = yield* Queue.unbounded<ConnectionEvent>()
  const changed = yield* Queue.sliding<void>(1)
  const bench = {
    /** Streams that are open now, and that were ever opened. */
    open: 0,
    opened: 0,
    most: 0,
    hints: 0,
    heard: "",
    instance: "a" as string | undefined,
    end: (end: End) => Effect.zipRight(Queue.offer(ends.at(-1)!, end), TestClock.adjust(0)),
    runs: (instance: string | undefined) =>
      Effect.suspend(() => {
        bench.instance = instance
        return Effect.zipRight(Queue.offer(changed, undefined), TestClock.adjust(0))
      }),
    reconnects: (routine: boolean) =>
      Effect.zipRight(
        Queue.offerAll(connection, [{ _tag: "Disconnected", reason: "", routine }, { _tag: "Connected" }]),
        TestClock.adjust(0)
      )
  }
  const log = () =>
    Stream.unwrapScoped(Effect.gen(function*() {
      const end = yield* Queue.unbounded<End>()
      ends.push(end)
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          bench.open += 1
          bench.opened += 1
          bench.most = Math.max(bench.most, bench.open)
        }),
        () => Effect.sync(() => (bench.open -= 1))
      )
      return Stream.concat(
        Stream.make("hello"),
        Stream.drain(Stream.fromEffect(Effect.flatMap(Queue.take(end), (how) =>
          how === "OK" ? Effect.void : new NpuError({ class: how, origin: "server", method: "Log", reason: how }))))
      )
    }))
  const fiber = yield* Effect.fork(hints({
    npu: { log, connection: Stream.fromQueue(connection) },
    policy: { ...defaults.hints, jitter: 0 },
    followed: [{ name: "ha", instance: () => bench.instance, changed }],
    hint: () => Effect.sync(() => (bench.hints += 1)),
    listen: (container, instance) => (text) => (bench.heard += `${container} ${instance} ${text};`)
  }))
  yield* TestClock.adjust(0)
  return { ...bench, see: bench, fiber }
})

describe("hints", () => {
  it.scoped("come when a log ends, and the log is followed again in case it ended alone", () =>
    Effect.gen(function*() {
      const bench = yield* makeBench
      assert.deepStrictEqual([bench.see.open, bench.see.hints], [1, 0])
      assert.strictEqual(bench.see.heard, "ha a hello;")
      yield* bench.end("OK")
      assert.deepStrictEqual([bench.see.open, bench.see.hints], [0, 1])
      yield* TestClock.adjust(99)
      assert.strictEqual(bench.see.opened, 1)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual([bench.see.open, bench.see.opened], [1, 2])
      yield* bench.end("OK")
      yield* TestClock.adjust(199)
      assert.deepStrictEqual([bench.see.hints, bench.see.opened], [2, 2])
      yield* TestClock.adjust(1)
      assert.strictEqual(bench.see.opened, 3)
    }))

  it.scoped("back off to the slowest pace while the log breaks off, and are quick again after it held", () =>
    Effect.gen(function*() {
      const bench = yield* makeBench
      for (let failure = 0; failure < 12; failure += 1) {
        yield* bench.end("ServerFault")
        yield* TestClock.adjust("1 minute")
      }
      assert.deepStrictEqual([bench.see.opened, bench.see.hints], [13, 0])
      yield* bench.end("ServerFault")
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(bench.see.opened, 13)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(bench.see.opened, 14)
      yield* bench.end("OK")
      yield* TestClock.adjust(100)
      assert.strictEqual(bench.see.opened, 15)
    }))

  it.scoped("are not asked for again on a connection whose server does not offer them", () =>
    Effect.gen(function*() {
      const bench = yield* makeBench
      yield* bench.end("Unsupported")
      yield* TestClock.adjust("1 hour")
      yield* bench.runs(undefined)
      yield* bench.runs("b")
      yield* bench.reconnects(true)
      assert.strictEqual(bench.see.opened, 1)
      yield* bench.reconnects(false)
      assert.deepStrictEqual([bench.see.opened, bench.see.open], [2, 1])
    }))

  it.scoped("come from one stream for each instance, and from none where none runs", () =>
    Effect.gen(function*() {
      const bench = yield* makeBench
      for (let crash = 0; crash < 20; crash += 1) {
        yield* bench.end("OK")
        yield* bench.runs(undefined)
        assert.strictEqual(bench.see.open, 0)
        yield* bench.runs(`id-${crash}`)
        assert.strictEqual(bench.see.open, 1)
        yield* bench.runs(`id-${crash}`)
        yield* bench.runs(`replaced-${crash}`)
        yield* bench.reconnects(false)
      }
      assert.deepStrictEqual([bench.see.open, bench.see.most], [1, 1])
      assert.strictEqual(bench.see.opened, 61)
    }))

  it.scoped("leave no stream behind at shut-down", () =>
    Effect.gen(function*() {
      const bench = yield* makeBench
      yield* Fiber.interrupt(bench.fiber)
      assert.strictEqual(bench.see.open, 0)
    }))
})
