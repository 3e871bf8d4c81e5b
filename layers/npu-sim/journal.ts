/**
 * The journal: every mutating call as it came and as it was answered, one JSON
 * value a line, written at once and synchronously, so that a test can judge by
 * it whatever was killed meanwhile. Other programs may read it while it grows.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

import type { MethodName } from "../../src/npu/messages.ts"
import type { GrpcCode } from "../../src/npu/wire.ts"

interface Stamp {
  /** Wall clock, ms since the epoch. */
  readonly at: number
  /** The machine's monotonic clock, µs; comparable between processes until it boots. */
  readonly micros: number
}

/** A line of the file. `opened` begins the numbering anew. */
export type JournalLine =
  | Stamp & { readonly event: "opened"; readonly pid: number }
  | Stamp & {
    readonly event: "received"
    readonly seq: number
    readonly method: MethodName
    /** The container, image or volume that the call is about. */
    readonly subject: string
    /** Where the call came from, `address:port`. */
    readonly peer: string
    readonly request: unknown
  }
  | Stamp & {
    readonly event: "answered"
    readonly seq: number
    readonly method: MethodName
    readonly subject: string
    readonly status: "OK" | GrpcCode
    readonly details: string
    /** Content bytes of a Deploy. */
    readonly bytes?: number
  }

/** A call with its answer, or without one yet. */
export interface JournalCall {
  /** Which opening of the file it belongs to, counting from 0. */
  readonly run: number
  readonly seq: number
  readonly method: MethodName
  readonly subject: string
  /** Where it came from, `address:port`. */
  readonly peer: string
  readonly request: unknown
  readonly received: Stamp
  readonly answered?: Stamp & { readonly status: "OK" | GrpcCode; readonly details: string; readonly bytes?: number }
}

export interface ReceivedCall {
  readonly method: MethodName
  readonly subject: string
  readonly peer: string
  readonly request: unknown
}

export interface Journal {
  /** Returns what to call with the answer. */
  readonly received: (call: ReceivedCall) => Answered
}

export type Answered = (answer: { status: "OK" | GrpcCode; details: string; bytes?: number }) => void

/** The journal's file cannot be opened; `reason` is a sentence for people. */
export class JournalError extends Data.TaggedError("JournalError")<{ readonly reason: string }> {
  override get message(): string {
    return this.reason
  }
}

/** Appends to the file, which is made where there is none. */
export const open = (path: string): Effect.Effect<Journal, JournalError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.try({
        try: () => openSync(path, "a", 0o644),
        catch: (cause) => new JournalError({ reason: (cause as Error).message })
      }),
      (file) => Effect.sync(() => closeSync(file))
    ),
    (file) => {
      let seq = 0
      const write = (line: JournalLine) => void writeSync(file, `${JSON.stringify(line)}\n`)
      write({ event: "opened", ...stamp(), pid: process.pid })
      return {
        received: ({ method, peer, request, subject }) => {
          const mine = ++seq
          write({ event: "received", ...stamp(), seq: mine, method, subject, peer, request })
          return (answer) => write({ event: "answered", ...stamp(), seq: mine, method, subject, ...answer })
        }
      }
    }
  )

/** Writes nothing. */
export const none: Journal = { received: () => () => undefined }

/** The calls of a journal in order of receipt; an unfinished last line is passed over. */
export const read = (path: string): ReadonlyArray<JournalCall> => {
  const calls: Array<JournalCall> = []
  let run = -1
  let open = new Map<number, number>()
  for (const line of lines(path)) {
    switch (line.event) {
      case "opened":
        run++
        open = new Map()
        break
      case "received": {
        const { at, method, micros, peer, request, seq, subject } = line
        open.set(seq, calls.length)
        calls.push({ run, seq, method, subject, peer, request, received: { at, micros } })
        break
      }
      case "answered": {
        const index = open.get(line.seq)
        const call = index === undefined ? undefined : calls[index]
        if (index === undefined || call === undefined) break
        const { at, bytes, details, micros, status } = line
        calls[index] = { ...call, answered: { at, micros, status, details, ...(bytes === undefined ? {} : { bytes }) } }
        break
      }
    }
  }
  return calls
}

const lines = (path: string): ReadonlyArray<JournalLine> => {
  const text = readFileSync(path, "utf8")
  return text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter((line) => line !== "").map((line) =>
    JSON.parse(line) as JournalLine
  )
}

const stamp = (): Stamp => ({ at: Date.now(), micros: Number(process.hrtime.bigint() / 1000n) })
