/** What a Schema found wrong with a value, as an operator can use it. */
import type * as ParseResult from "effect/ParseResult"

/**
 * The faults without those that only say that an optional field could also be left
 * out: a Schema tells them beside the one that counts.
 */
export const telling = (
  issues: ReadonlyArray<ParseResult.ArrayFormatterIssue>
): ReadonlyArray<ParseResult.ArrayFormatterIssue> => {
  const left = issues.filter(({ message }) => !message.startsWith("Expected undefined, actual "))
  return left.length === 0 ? issues : left
}
