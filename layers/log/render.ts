/** A record as one line, in three ways. */
import { plain, plainJson } from "../../src/model/plain.ts"
import { quoteIfNeeded, toKey } from "./escape.ts"
import type { LogRecord } from "./record.ts"

export const renderPretty = (record: LogRecord, colour: boolean): string => {
  const paint = (code: number, text: string): string => colour ? `\u001b[${code}m${text}\u001b[0m` : text
  return [
    paint(dim, timeOfDay(record.at)),
    paint(colours[record.level], record.level.padEnd(5)),
    plain(record.message),
    ...record.fields.map(([key, value]) => `${paint(dim, `${toKey(key)}=`)}${quoteIfNeeded(value)}`)
  ].join(" ")
}

export const renderLogfmt = (record: LogRecord): string =>
  [
    ["at", instant(record.at)] as const,
    ["level", record.level.toLowerCase()] as const,
    ["message", record.message] as const,
    ...record.fields
  ].map(([key, value]) => `${toKey(key)}=${quoteIfNeeded(value)}`).join(" ")

export const renderJson = (record: LogRecord): string =>
  plainJson({
    at: instant(record.at),
    level: record.level.toLowerCase(),
    message: record.message,
    ...(record.fields.length === 0 ? {} : { fields: Object.fromEntries(record.fields) })
  })

const dim = 2

const colours: Readonly<Record<LogRecord["level"], number>> = {
  TRACE: 2,
  DEBUG: 2,
  INFO: 32,
  WARN: 33,
  ERROR: 31,
  FATAL: 31
}

/** Years beyond what ISO 8601 writes, as a broken clock may give, are shown as they are. */
const instant = (at: Date): string => Number.isNaN(at.getTime()) ? "no time" : at.toISOString()

/** Local time, for whoever sits before the terminal. */
const timeOfDay = (at: Date): string =>
  [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":")
  + `.${String(at.getMilliseconds()).padStart(3, "0")}`
