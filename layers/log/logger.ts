/**
 * Loggers, one line for each record, to a stream. Nothing in a record reaches
 * the stream unescaped, and no record and no broken stream stops the program.
 *
 * They take the place of Effect's loggers, also of the one that `runMain` adds.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"

import { type LogRecord, toRecord } from "./record.ts"
import { renderJson, renderLogfmt, renderPretty } from "./render.ts"

export interface LogOptions {
  /** Records below it are dropped; Effect's default, Info, where nothing is said. */
  readonly level?: LogLevel.LogLevel
  /** Standard error where nothing is said. What a pipe's slow reader has not taken yet is waited for when the layer ends. */
  readonly stream?: NodeJS.WritableStream
}

/** For a terminal: time of day, level, message, then the fields. */
export const layerPretty = (options: LogOptions & { readonly colour: boolean }): Layer.Layer<never> =>
  layer(options, (record) => renderPretty(record, options.colour))

/** For files and journals: `at=… level=… message=…` and the fields, each `key=value`. */
export const layerLogfmt = (options: LogOptions = {}): Layer.Layer<never> => layer(options, renderLogfmt)

/** For collectors: an object with `at`, `level`, `message` and, where there are any, `fields`. */
export const layerJson = (options: LogOptions = {}): Layer.Layer<never> => layer(options, renderJson)

const layer = (options: LogOptions, render: (record: LogRecord) => string): Layer.Layer<never> => {
  const stream = options.stream ?? process.stderr
  const logger = Logger.make((record) => {
    try {
      stream.write(`${render(toRecord(record))}\n`)
    } catch {
      // There is nowhere left to say so.
    }
  })
  return Layer.mergeAll(
    heedless(stream),
    Logger.replace(Logger.defaultLogger, logger),
    Logger.remove(Logger.prettyLoggerDefault),
    options.level === undefined ? Layer.empty : Logger.minimumLogLevel(options.level)
  )
}

/**
 * A reader of the log that goes away (EPIPE) must not take the daemon with it.
 * Node does not wait for a full pipe at an exit: what is still queued is written first.
 */
const heedless = (stream: NodeJS.WritableStream): Layer.Layer<never> =>
  Layer.scopedDiscard(Effect.acquireRelease(
    Effect.sync(() => stream.on("error", ignore)),
    () => Effect.zipRight(written(stream), Effect.sync(() => stream.removeListener("error", ignore)))
  ))

/** A reader that takes nothing for this long is not waited for. */
const patience = "5 seconds"

const written = (stream: NodeJS.WritableStream): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    try {
      stream.write("", () => resume(Effect.void))
    } catch {
      resume(Effect.void)
    }
  }).pipe(Effect.timeoutOption(patience), Effect.interruptible, Effect.asVoid)

const ignore = (): void => {}
