/** Makes foreign text harmless on a terminal and whole within a line. */

/**
 * Control characters (C0, DEL, C1), line and paragraph separators, characters
 * that turn the direction of writing, and halves of surrogate pairs.
 */
const harmful =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

/** The text with each harmful character written as JSON writes it: `\n`, `\u001b`. */
export const escape = (text: string): string =>
  text.replace(
    harmful,
    (character) => short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** A value after `key=`: as it is where it is one plain word, otherwise quoted. */
export const quoteIfNeeded = (text: string): string =>
  /^[^\s"=\\]+$/.test(text) && escape(text) === text
    ? text
    : `"${escape(text.replaceAll("\\", "\\\\").replaceAll("\"", "\\\""))}"`

/** A key: letters, digits, "_", "." and "-"; anything else becomes "_". */
export const toKey = (text: string): string => text === "" ? "_" : text.replace(/[^A-Za-z0-9_.-]/g, "_")
