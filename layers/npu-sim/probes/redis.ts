/** As much of a Redis server as a readiness probe needs: PING, inline or as a RESP array. */

export interface Answered {
  readonly replies: string
  /** Bytes of an unfinished command, to be put before what comes next. */
  readonly rest: Buffer
}

/** Longest command that is waited for, bytes; beyond it the connection is at fault. */
const longest = 64 * 1024

/** Answers every whole command in the bytes; `undefined` where they cannot be a command. */
export const answer = (bytes: Buffer): Answered | undefined => {
  let replies = ""
  let rest = bytes
  for (;;) {
    const command = rest[0] === star ? takeArray(rest) : takeInline(rest)
    if (command === "fault" || rest.length > longest) return undefined
    if (command === undefined) return { replies, rest }
    if (command.words.length > 0) replies += reply(command.words)
    rest = rest.subarray(command.length)
  }
}

interface Command {
  readonly words: ReadonlyArray<string>
  readonly length: number
}

const star = "*".charCodeAt(0)

const reply = ([name = "", ...words]: ReadonlyArray<string>): string => {
  switch (name.toUpperCase()) {
    case "PING":
      return words[0] === undefined ? "+PONG\r\n" : bulk(words[0])
    case "ECHO":
      return bulk(words[0] ?? "")
    case "QUIT":
    case "SELECT":
    case "AUTH":
      return "+OK\r\n"
    default:
      return `-ERR unknown command '${name}'\r\n`
  }
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`

const takeInline = (bytes: Buffer): Command | undefined => {
  const end = bytes.indexOf("\n")
  if (end < 0) return undefined
  return { words: bytes.toString("utf8", 0, end).trim().split(/\s+/).filter((word) => word !== ""), length: end + 1 }
}

const takeArray = (bytes: Buffer): Command | "fault" | undefined => {
  const count = takeNumber(bytes, 0)
  if (count === undefined || count === "fault") return count
  const words: Array<string> = []
  let at = count.end
  while (words.length < count.value) {
    if (at >= bytes.length) return undefined
    if (String.fromCharCode(bytes[at]!) !== "$") return "fault"
    const size = takeNumber(bytes, at)
    if (size === undefined || size === "fault") return size
    if (bytes.length < size.end + size.value + 2) return undefined
    words.push(bytes.toString("utf8", size.end, size.end + size.value))
    at = size.end + size.value + 2
  }
  return { words, length: at }
}

const takeNumber = (
  bytes: Buffer,
  at: number
): { readonly value: number; readonly end: number } | "fault" | undefined => {
  const end = bytes.indexOf("\r\n", at)
  if (end < 0) return undefined
  const text = bytes.toString("utf8", at + 1, end)
  return /^[0-9]{1,6}$/.test(text) ? { value: Number(text), end: end + 2 } : "fault"
}
