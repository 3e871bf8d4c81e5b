/**
 * Brings a command line into the order that @effect/cli reads: the verb, its
 * options, then its arguments. People write `start gnmi --timeout 5` and
 * `--socket PATH list`; both are meant to work.
 */

/** Options that take the next word as their value. */
const valued: ReadonlySet<string> = new Set([
  "--socket",
  "--output",
  "-o",
  "--timeout",
  "--to",
  "--container",
  "--operation",
  "--since",
  "--seed",
  "--hours",
  "--dpus",
  "--faults",
  "--scenario",
  "--kill",
  "--trace",
  "--html",
  "--completions",
  "--log-level"
])

/** Options of the program itself, which stand before a verb or without one. */
const ofProgram: ReadonlySet<string> = new Set([
  "--help",
  "-h",
  "--version",
  "--wizard",
  "--completions",
  "--log-level"
])

const isOfProgram = (word: string): boolean => ofProgram.has(word) || /^--(?:completions|log-level)=/.test(word)

export const arrange = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (verbOf(argv) === "doctor") return arrangeDoctor(argv)
  const program: Array<string> = []
  const options: Array<string> = []
  const words: Array<string> = []
  const verbless: Array<string> = []
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
    const option = argv.slice(index, index + (valued.has(word) ? 2 : 1))
    index += option.length - 1
    const kept = words.length === 0 && isOfProgram(word) ? program : options
    kept.push(...option)
    if (!/^--socket=./s.test(option.join("="))) verbless.push(...option)
  }
  const [verb, ...rest] = words
  // Without a verb there is nobody whom --socket could concern; all else the parser takes or refuses.
  if (verb === undefined) return verbless
  // Help is then the verb's own, whatever else stands on the line, and says the whole command.
  if (options.includes("--help") || options.includes("-h")) return ["--help", verb, "--help"]
  // What was written after `--` stays an argument, whatever it looks like.
  return [...program, verb, ...options, ...(rest.some((word) => word.startsWith("-")) ? ["--"] : []), ...rest]
}

/** The first word that is neither an option nor the value of one. */
const verbOf = (argv: ReadonlyArray<string>): string | undefined =>
  argv.find((word, index) => !word.startsWith("-") && !valued.has(argv[index - 1] ?? ""))

/** All but its own options are offloadd's, and go through as they are. */
const arrangeDoctor = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (argv.includes("--help") || argv.includes("-h")) return ["--help", "doctor", "--help"]
  const own: Array<string> = []
  const through: Array<string> = []
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? ""
    if (word === "-o" || word === "--output") {
      own.push(word, ...argv.slice(index + 1, index + 2))
      index += 1
    } else if (word !== "--" && !(word === "doctor" && index === argv.indexOf("doctor"))) through.push(word)
  }
  return ["doctor", ...own, ...(through.length === 0 ? [] : ["--", ...through])]
}
