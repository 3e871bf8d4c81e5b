/**
 * Reads what a daemon saves, by the daemon's own decoder. Little of a memory
 * differs from one save to the next, and to decode all of it at each takes longer
 * than every other check of a save: a member that is written as it was before
 * stands for what it was read as then. Members are decoded independently of each
 * other, so a text can be read exactly where what differs in it can.
 */
import * as Either from "effect/Either"
import { isRecord } from "effect/Predicate"

import { decodeWritten, type Durable } from "../../decide/durable.ts"

type Members = Readonly<Record<string, unknown>>

interface Reading {
  readonly written: Members
  readonly read: Durable
}

export class MemoryReader {
  private last: Reading | undefined

  /** Undefined where the text cannot be loaded. Its moments stay on the clock that it was written by. */
  read(text: string): Durable | undefined {
    const written = Either.getOrUndefined(Either.try((): unknown => JSON.parse(text)))
    if (!isRecord(written)) return undefined
    // Another format may read the same member in another way.
    const before = this.last?.written["format"] === written["format"] ? this.last : undefined
    const read = before === undefined ? decoded(written) : readSince(before, written)
    if (read !== undefined) this.last = { written, read }
    return read
  }
}

const decoded = (written: Members): Durable | undefined =>
  Either.getOrUndefined(decodeWritten(written, Number(written["mono"])))

const readSince = (before: Reading, written: Members): Durable | undefined => {
  const { containers, format, mono, random } = written
  const containersBefore = before.written["containers"]
  if (!isRecord(containers) || !isRecord(containersBefore)) return decoded(written)
  const changed = differing(containersBefore, containers)
  const fields = { ...differing(before.written, written), format, mono, random, containers: changed }
  const read = decoded(fields)
  return read === undefined ? undefined : {
    ...read,
    ...completed(written, fields, read, before.read),
    containers: completed(containers, changed, read.containers, before.read.containers)
  } as Durable
}

/** Those of `now` that are not written as they were `before`. */
const differing = (before: Members, now: Members): Members => {
  const changed: Record<string, unknown> = {}
  for (const name of Object.keys(now)) if (!isSame(before[name], now[name])) changed[name] = now[name]
  return changed
}

/** What each that is `written` was read as: now where it has changed, else before. */
const completed = (written: Members, changed: Members, now: Members, before: Members): Members => {
  const all: Record<string, unknown> = {}
  for (const name of Object.keys(written)) all[name] = (name in changed ? now : before)[name]
  return all
}

/** Whether two values are the same JSON, but for the order of members. */
const isSame = (left: unknown, right: unknown): boolean => {
  if (left === right) return true
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const names = Object.keys(left)
  return names.length === Object.keys(right).length
    && names.every((name) => name in right && isSame((left as Members)[name], (right as Members)[name]))
}
