/** Durations on the command line: `90`, `90s`, `2m`, `1h`, `500ms`; a bare number means seconds. */
import * as Either from "effect/Either"

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Eleven days: the longest that a timer holds is twice that. */
const longest = 1e9

/** Milliseconds, above 0 and at most 1e9, or a sentence that says what is wrong; at 0 with the hint. */
export const parseDuration = (text: string, hint?: string): Either.Either<number, string> => {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text)
  if (match === null) {
    return Either.left(`${JSON.stringify(text)} is not a duration; write seconds such as 90, or 90s, 2m, 1h`)
  }
  const millis = Math.round(Number(match[1]) * (units[match[2] ?? "s"] ?? 1000))
  if (millis === 0) {
    return Either.left(`a time-out of nothing leaves no time to wait${hint === undefined ? "" : `; ${hint}`}`)
  }
  return millis > longest ? Either.left(`${text} is longer than eleven days`) : Either.right(millis)
}

/** `90 s`, `0.5 s`: as it stands in a sentence. */
export const inSeconds = (millis: number): string => `${millis / 1000} s`
