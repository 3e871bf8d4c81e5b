/**
 * The command lines that people and scripts give all day, read without
 * @effect/cli: parsing and help are most of what `offloadctl` costs at start.
 * Only exact shapes are taken, and each runs the very program that the full
 * command runs; anything else is left to it.
 */
import type * as Effect from "effect/Effect"

import type { ControlClient } from "./control-client.ts"
import type { ExitCode } from "./exit-code.ts"
import { list } from "./list.ts"
import { type CliError, settle } from "./problem.ts"
import type { Format, Screen } from "./screen.ts"
import { status } from "./status.ts"

export const fastPath = (
  argv: ReadonlyArray<string>
): Effect.Effect<ExitCode, never, ControlClient | Screen> | undefined => {
  const verb = read(argv)
  return verb === undefined ? undefined : settle(verb)
}

const read = (argv: ReadonlyArray<string>): Effect.Effect<ExitCode, CliError, ControlClient | Screen> | undefined => {
  const [verb, ...words] = argv
  const output = readOutput(words)
  if (output === undefined) return undefined
  const { format, rest: [first, ...more] } = output
  if (more.length > 0) return undefined
  if (verb === "list" && (first === undefined || first === "--check")) {
    return list({ output: format, check: first === "--check" })
  }
  // A word that begins like an option may be one; an empty one is an error that the full command words.
  if (verb === "status" && (first === undefined || /^[A-Za-z0-9]/.test(first))) {
    return status({ container: first, output: format })
  }
  return undefined
}

/** Takes one `-o FORMAT` from the end. */
const readOutput = (
  words: ReadonlyArray<string>
): { readonly format: Format; readonly rest: ReadonlyArray<string> } | undefined => {
  const at = words.indexOf("-o")
  if (at === -1) return { format: "table", rest: words }
  const format = words[at + 1]
  return at === words.length - 2 && (format === "json" || format === "table")
    ? { format, rest: words.slice(0, at) }
    : undefined
}
