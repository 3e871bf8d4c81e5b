import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Writable } from "node:stream"
import { text } from "node:stream/consumers"

import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as LogLevel from "effect/LogLevel"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { build } from "esbuild"
import * as fc from "fast-check"

import { layerJson, layerLogfmt, layerPretty, type LogOptions } from "../../../layers/log/logger.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly part: string; readonly cause?: unknown }> {
  override get message(): string {
    return `the ${this.part} is broken`
  }
}

/** What the program logs, by the layer, one string for each line. */
const lines = (layer: (options: LogOptions) => Layer.Layer<never>, program: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function*() {
    let text = ""
    const stream = new Writable({
      write: (chunk, _encoding, done) => {
        text += String(chunk)
        done()
      }
    })
    yield* TestClock.setTime(Date.parse("2026-01-02T03:04:05.678Z"))
    yield* Effect.ignore(Effect.provide(program, layer({ stream })))
    assert.isTrue(text === "" || text.endsWith("\n"))
    return text.split("\n").slice(0, -1)
  })

const pretty = (options: LogOptions) => layerPretty({ ...options, colour: false })

const annotated = Effect.logWarning("the container is started again").pipe(
  Effect.annotateLogs({ container: "databasedpu0", reason: "exit code 137", attempt: 3 })
)

describe("the loggers", () => {
  it.effect("logfmt", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* lines(layerLogfmt, Effect.zipRight(annotated, Effect.logInfo("done"))), [
        "at=2026-01-02T03:04:05.678Z level=warn message=\"the container is started again\""
        + " attempt=3 container=databasedpu0 reason=\"exit code 137\"",
        "at=2026-01-02T03:04:05.678Z level=info message=done"
      ])
    }))

  it.effect("json", () =>
    Effect.gen(function*() {
      const [line] = yield* lines(layerJson, annotated)
      assert.deepStrictEqual(JSON.parse(line!), {
        at: "2026-01-02T03:04:05.678Z",
        level: "warn",
        message: "the container is started again",
        fields: { attempt: "3", container: "databasedpu0", reason: "exit code 137" }
      })
    }))

  it.effect("pretty, plain and in colour", () =>
    Effect.gen(function*() {
      const [plain] = yield* lines(pretty, annotated)
      assert.match(
        plain!,
        /^\d\d:\d\d:05\.678 WARN {2}the container is started again attempt=3 container=databasedpu0 reason="exit code 137"$/
      )
      const [coloured] = yield* lines((options) => layerPretty({ ...options, colour: true }), annotated)
      assert.include(coloured, "\u001b[33mWARN \u001b[0m")
      assert.strictEqual(coloured!.replaceAll(/\u001b\[\d+m/g, ""), plain)
    }))

  it.effect("drop what is below the level", () =>
    Effect.gen(function*() {
      const program = Effect.zipRight(Effect.logDebug("d"), Effect.logError("e"))
      assert.strictEqual((yield* lines(layerLogfmt, program)).length, 1)
      const all = yield* lines((options) => layerLogfmt({ ...options, level: LogLevel.All }), program)
      assert.deepStrictEqual(all.map((line) => line.slice(28)), ["level=debug message=d", "level=error message=e"])
    }))

  it.effect("say a cause by tag and message, with what caused it", () =>
    Effect.gen(function*() {
      const field = (cause: Cause.Cause<unknown>) =>
        Effect.map(lines(layerJson, Effect.logError("failed", cause)), ([line]) => JSON.parse(line!).fields?.cause)
      assert.strictEqual(yield* field(Cause.fail(new Broken({ part: "disk" }))), "Broken: the disk is broken")
      assert.strictEqual(
        yield* field(Cause.fail(new Broken({ part: "disk", cause: new RangeError("too long") }))),
        "Broken: the disk is broken (caused by RangeError: too long)"
      )
      assert.match(yield* field(Cause.die(new TypeError("no"))), /^defect TypeError: no at .*logger\.test\.ts/)
      assert.strictEqual(
        yield* field(Cause.parallel(Cause.fail("a"), Cause.sequential(Cause.fail("b"), Cause.fail("a")))),
        "a; b"
      )
      assert.strictEqual(yield* field(Cause.interrupt(yield* Effect.fiberId)), "interrupted")
      assert.isUndefined(yield* field(Cause.empty))
    }))

  it.effect("say spans in milliseconds", () =>
    Effect.gen(function*() {
      const program = Effect.zipRight(TestClock.adjust("12 millis"), Effect.logInfo("done")).pipe(
        Effect.withLogSpan("sending")
      )
      assert.include((yield* lines(layerLogfmt, program))[0], " message=done sending=12ms")
    }))

  it.effect("survive values that cannot be shown", () =>
    Effect.gen(function*() {
      const circle: { self?: unknown } = {}
      circle.self = circle
      const trap = {
        toJSON: () => {
          throw new Error("trap")
        }
      }
      const silent = new Proxy(new Error(), {
        get: () => {
          throw new Error("trap")
        }
      })
      const found = yield* lines(
        layerJson,
        Effect.log(circle, trap, 12n, { big: 1n }, undefined, null, Symbol("s"), () => 1, silent).pipe(
          Effect.annotateLogs({ circle, error: new Broken({ part: "x" }) })
        )
      )
      const { fields, message } = JSON.parse(found[0]!)
      assert.strictEqual(
        message,
        "[cannot be shown] [cannot be shown] 12 {\"big\":\"1\"} undefined null Symbol(s) () => 1 an error that cannot be shown"
      )
      assert.deepStrictEqual(fields, { circle: "[cannot be shown]", error: "Broken: the x is broken" })
    }))

  it.effect("cut what is endless", () =>
    Effect.gen(function*() {
      const [line] = yield* lines(layerLogfmt, Effect.log("x".repeat(100_000)))
      assert.match(line!, /… \(95904 more characters\)"$/)
    }))

  it.effect("survive a stream that throws or breaks", () =>
    Effect.gen(function*() {
      const throwing = Object.assign(new Writable(), {
        write: (): boolean => {
          throw new Error("gone")
        }
      })
      yield* Effect.provide(Effect.log("x"), layerLogfmt({ stream: throwing }))
      const breaking = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) })
      yield* Effect.provide(
        Effect.zipRight(Effect.log("x"), Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))),
        layerLogfmt({ stream: breaking })
      )
      assert.strictEqual(breaking.listenerCount("error"), 0)
    }))

  for (const [name, layer] of [["pretty", pretty], ["logfmt", layerLogfmt], ["json", layerJson]] as const) {
    it.effect(`${name}: one line without a control character, whatever is logged`, () =>
      Effect.promise(() => {
        const text = fc.oneof(
          fc.fullUnicodeString(),
          fc.string16bits(),
          fc.array(
            fc.constantFrom(
              "\u001b[31m",
              "\n",
              "\r",
              "\u0007",
              "\u009b",
              "\u202e",
              "\u2028",
              "\ud800",
              "a",
              "\"",
              "=",
              "\\"
            )
          )
            .map((parts) => parts.join(""))
        )
        return fc.assert(fc.asyncProperty(text, text, text, async (message, key, value) => {
          const found = await Effect.runPromise(Effect.provide(
            lines(layer, Effect.logError(message, Cause.fail(value)).pipe(Effect.annotateLogs(key, value))),
            TestContext.TestContext
          ))
          assert.strictEqual(found.length, 1)

          assert.notMatch(found[0]!, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/)
          assert.isTrue(found[0] === Buffer.from(found[0]!).toString(), "well-formed Unicode")
          if (name === "json") JSON.parse(found[0]!)
        }))
      }))
  }

  it("lose no line before an exit, on a pipe that nobody has read yet", async () => {
    const folder = await mkdtemp(join(tmpdir(), "offloader-log-"))
    try {
      // Built beforehand: a compiler started by the program would share its standard error, and make it wait for readers.
      const program = join(folder, "exits.mjs")
      await build({
        entryPoints: [join(import.meta.dirname, "exits.ts")],
        bundle: true,
        platform: "node",
        format: "esm",
        outfile: program
      })
      const child = spawn(process.execPath, [program])
      await once(child.stdout, "data")
      const found = (await text(child.stderr)).split("\n").slice(0, -1)
      assert.strictEqual(found.length, 2000)
      assert.include(found[1999], "number=1999")
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
