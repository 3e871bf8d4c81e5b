/**
 * Brings a command line into the order that @effect/cli reads: the verb, its
 * options, then its arguments. People write `start gnmi --timeout 5` and
 * `--socket PATH list`; both are meant to work.
 */

/** Options that take the next word as their value, on any verb. */
const valued: ReadonlySet<string> = new Set([
  "--socket",
  "--output",
  "-o",
  "--timeout",
  "--container",
  "--operation",
  "--since",
  "--seed",
  "--hours",
  "--dpus",
  "--faults",
  "--trace",
  "--html"
])

/** Options of the program itself, which stand without a verb. */
const ofProgram: ReadonlySet<string> = new Set([
  "--help",
  "-h",
  "--version",
  "--wizard",
  "--completions",
  "--log-level"
])

export const arrange = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  const options: Array<string> = []
  const words: Array<string> = []
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? ""
    if (word === "--") {
      words.push(...argv.slice(index + 1))
      break
    }
    if (!word.startsWith("-") || word === "-") {
      words.push(word)
      continue
    }
    if (words.length === 0 && ofProgram.has(word)) return [...argv]
    options.push(word)
    const value = argv[index + 1]
    if (valued.has(word) && value !== undefined) {
      options.push(value)
      index += 1
    }
  }
  const [verb, ...rest] = words
  if (verb === undefined) return options
  // Help is then the verb's own, whatever else stands on the line, and says the whole command.
  if (options.includes("--help") || options.includes("-h")) return ["--help", verb, "--help"]
  // What was written after `--` stays an argument, whatever it looks like.
  return [verb, ...options, ...(rest.some((word) => word.startsWith("-")) ? ["--"] : []), ...rest]
}
