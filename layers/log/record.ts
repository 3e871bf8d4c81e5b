/** What one call of `Effect.log…` says, as plain text: no value of it can throw any more. */
import * as HashMap from "effect/HashMap"
import * as List from "effect/List"
import type * as Logger from "effect/Logger"

import { describeCause, describeError } from "./cause-text.ts"

export interface LogRecord {
  readonly at: Date
  readonly level: "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL"
  readonly message: string
  /** Annotations by name, then spans as `12ms`, then `cause`. */
  readonly fields: ReadonlyArray<readonly [key: string, value: string]>
}

/** The longest text of a field that is written whole, characters. */
const longest = 4096

export const toRecord = (options: Logger.Logger.Options<unknown>): LogRecord => {
  const messages = Array.isArray(options.message) ? options.message : [options.message]
  const annotations = [...HashMap.entries(options.annotations)]
    .map(([key, value]) => [key, limit(describeValue(value))] as const)
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
  const spans = List.toArray(options.spans).map((span) =>
    [span.label, `${options.date.getTime() - span.startTime}ms`] as const
  )
  const cause = describeCause(options.cause)
  return {
    at: options.date,
    level: levels[options.logLevel._tag] ?? "INFO",
    message: limit(messages.map(describeValue).join(" ")),
    fields: [...annotations, ...spans, ...(cause === "" ? [] : [["cause", limit(cause)] as const])]
  }
}

const levels: Readonly<Record<string, LogRecord["level"]>> = {
  Trace: "TRACE",
  Debug: "DEBUG",
  Info: "INFO",
  Warning: "WARN",
  Error: "ERROR",
  Fatal: "FATAL"
}

const describeValue = (value: unknown): string => {
  if (typeof value === "string") return value
  try {
    if (value instanceof Error) return describeError(value)
    if (typeof value !== "object" || value === null) return String(value)
    return JSON.stringify(value, withoutBigInt) ?? String(value)
  } catch {
    return "[cannot be shown]"
  }
}

const withoutBigInt = (_key: string, value: unknown): unknown => typeof value === "bigint" ? String(value) : value

const limit = (text: string): string =>
  text.length <= longest ? text : `${text.slice(0, longest)}… (${text.length - longest} more characters)`
