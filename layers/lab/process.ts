/** Child processes for demonstrations and tests: started, watched for a line, ended by their id. */
import { type ChildProcess, spawn } from "node:child_process"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A process that did not do as expected; `message` holds the end of what it printed. */
export class ProcessError extends Data.TaggedError("ProcessError")<{ readonly message: string }> {}

export interface RunningProcess {
  readonly pid: number
  /** Everything printed so far to stdout and stderr, the last 256 KiB of it. */
  readonly output: () => string
  /** Waits for a line that matches; fails when the process ends without it. */
  readonly line: (pattern: RegExp) => Effect.Effect<RegExpExecArray, ProcessError>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** The exit code, or the name of the signal that ended it. */
  readonly exit: Effect.Effect<number | NodeJS.Signals>
}

export interface ProcessOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Hears every line as it comes, without its end. */
  readonly onLine?: (line: string) => void
  /** The network namespace that it lives in; where nothing is said, ours. */
  readonly namespace?: string
}

/** nsenter becomes the command, so that the process id is the command's own. */
const within = (namespace: string | undefined, command: string, args: ReadonlyArray<string>) =>
  namespace === undefined
    ? { command, args }
    : { command: "nsenter", args: [`--net=/run/netns/${namespace}`, "--", command, ...args] }

/** Runs a command to its end, with `input` on its standard input; what it printed, or why it failed. */
export const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: {
    readonly env?: Readonly<Record<string, string>>
    readonly namespace?: string
    readonly input?: string
  } = {}
): Effect.Effect<string, ProcessError> =>
  Effect.async((resume) => {
    const place = within(options.namespace, command, args)
    const child = spawn(place.command, place.args, {
      env: { PATH: systemPath, ...options.env },
      stdio: ["pipe", "pipe", "pipe"]
    })
    const fail = (what: string): void =>
      resume(Effect.fail(new ProcessError({ message: `${[command, ...args].join(" ")}: ${what}` })))
    let output = ""
    let complaint = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => void (output += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => void (complaint += text))
    child.once("error", (error) => fail(error.message))
    // A command may end without having read all that it is given.
    child.stdin.on("error", () => undefined)
    child.stdin.end(options.input ?? "")
    child.once("close", (code, signal) => {
      if (code === 0) resume(Effect.succeed(output))
      else fail(`${signal ?? `exit ${code}`}: ${complaint.trim()}`)
    })
    return Effect.sync(() => child.kill())
  })

/** Where administrators' commands are, which not every user's path names. */
export const systemPath = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`

const kept = 256 * 1024

/** Starts a process; at the end of the scope it is asked to end, and killed if it has not after 5 s. */
export const start = (
  command: string,
  args: ReadonlyArray<string>,
  options: ProcessOptions = {}
): Effect.Effect<RunningProcess, ProcessError, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Child, ProcessError>((resume) => {
        const place = within(options.namespace, command, args)
        const child = spawn(place.command, place.args, {
          env: { ...options.env },
          stdio: ["ignore", "pipe", "pipe"],
          // A group of its own: Ctrl-C ends whoever started it, and that ends this in its order.
          detached: true
        })
        child.once(
          "error",
          (error) => resume(Effect.fail(new ProcessError({ message: `${command}: ${error.message}` })))
        )
        child.once("spawn", () => resume(Effect.succeed(new Child(child, options.onLine))))
      }),
      (child) =>
        child.signal("SIGTERM").pipe(
          // A finalizer is not interruptible by itself, and what is not cannot be timed out.
          Effect.zipRight(Effect.interruptible(child.exit)),
          Effect.timeoutTo({
            duration: "5 seconds",
            onSuccess: () => Effect.void,
            onTimeout: () => Effect.zipRight(child.signal("SIGKILL"), Effect.asVoid(child.exit))
          }),
          Effect.flatten
        )
    ),
    (child): RunningProcess => child
  )

class Child implements RunningProcess {
  private readonly child: ChildProcess
  private text = ""
  private partial = ""
  private readonly watchers = new Set<() => void>()
  private ending: number | NodeJS.Signals | undefined = undefined

  constructor(child: ChildProcess, onLine: ((line: string) => void) | undefined) {
    this.child = child
    const take = (piece: Buffer): void => {
      const text = piece.toString("utf8")
      this.text = (this.text + text).slice(-kept)
      const lines = (this.partial + text).split("\n")
      this.partial = lines.pop() ?? ""
      if (onLine !== undefined) lines.forEach(onLine)
      this.wake()
    }
    child.stdout?.on("data", take)
    child.stderr?.on("data", take)
    // `close` comes after the last output, `exit` may come before it.
    child.once("close", (code: number, signal: NodeJS.Signals | null) => {
      this.ending = signal ?? code
      this.wake()
    })
  }

  get pid(): number {
    return this.child.pid ?? -1
  }

  readonly output = (): string => this.text

  readonly line = (pattern: RegExp): Effect.Effect<RegExpExecArray, ProcessError> =>
    this.when(() => {
      const found = this.text.split("\n").map((line) => pattern.exec(line)).find((match) => match !== null)
      if (found != null) return Effect.succeed(found)
      return this.ending === undefined
        ? undefined
        : Effect.fail(
          new ProcessError({
            message: `it ended with ${this.ending} before it printed ${pattern}:\n${this.text.slice(-4000)}`
          })
        )
    })

  readonly signal = (signal: NodeJS.Signals): Effect.Effect<void> =>
    Effect.sync(() => {
      if (this.ending === undefined) this.child.kill(signal)
    })

  readonly exit: Effect.Effect<number | NodeJS.Signals> = Effect.suspend(() =>
    this.when(() => this.ending === undefined ? undefined : Effect.succeed(this.ending))
  )

  private when<A, E>(check: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.async<A, E>((resume) => {
      const look = (): void => {
        const result = check()
        if (result === undefined) return
        this.watchers.delete(look)
        resume(result)
      }
      this.watchers.add(look)
      look()
      return Effect.sync(() => this.watchers.delete(look))
    })
  }

  private wake(): void {
    for (const watcher of [...this.watchers]) watcher()
  }
}
