/** A record's values and keys, harmless on a terminal and whole within a line. */
import { plain } from "../../src/model/plain.ts"

/** A value after `key=`: as it is where it is one plain word, otherwise quoted. */
export const quoteIfNeeded = (text: string): string =>
  /^[^\s"=\\]+$/.test(text) && plain(text) === text
    ? text
    : `"${plain(text.replaceAll("\\", "\\\\").replaceAll("\"", "\\\""))}"`

/** A key: letters, digits, "_", "." and "-"; anything else becomes "_". */
export const toKey = (text: string): string => text === "" ? "_" : text.replace(/[^A-Za-z0-9_.-]/g, "_")
