/** Text from outside made harmless: it must not steer a terminal, nor begin a line of its own. */

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, characters
 * that turn the direction of writing, and halves of surrogate pairs.
 */
const steering =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

/** The text on one line, each such character written as JSON writes it: `\n`, `\u001b`. */
export const plain = (text: string): string =>
  text.replace(
    steering,
    (character) => short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/**
 * JSON on one line or, indented, on several. JSON itself escapes C0 only; what else
 * steers can stand within its strings alone, where its escape is JSON too.
 */
export const plainJson = (value: unknown, indent = 0): string => {
  const text = JSON.stringify(value, null, indent)
  return indent === 0 ? plain(text) : text.split("\n").map(plain).join("\n")
}
