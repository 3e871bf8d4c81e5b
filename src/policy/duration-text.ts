/** Durations as people write them in a policy file (`500ms`, `1.5s`, `2m`, `24h`), as milliseconds inside. */
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const pattern = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/

/** Milliseconds, 0 to 1e9 (eleven days), written with a unit. */
export const Millis = Schema.transformOrFail(Schema.String, Schema.Number, {
  strict: true,
  decode: (text, _, ast) => {
    const match = pattern.exec(text)
    if (match === null) {
      return ParseResult.fail(
        new ParseResult.Type(ast, text, `${JSON.stringify(text)} is not a duration; write 500ms, 1.5s, 2m or 24h`)
      )
    }
    const value = Math.round(Number(match[1]) * units[match[2] as keyof typeof units])
    return value <= 1e9
      ? ParseResult.succeed(value)
      : ParseResult.fail(new ParseResult.Type(ast, text, `${text} is longer than eleven days`))
  },
  encode: (value) => ParseResult.succeed(format(value))
})

/** The shortest exact spelling: 90000 is `90s`, 120000 is `2m`. */
export const format = (millis: number): string => {
  if (millis > 0 && millis % units.h === 0) return `${millis / units.h}h`
  if (millis > 0 && millis % units.m === 0) return `${millis / units.m}m`
  if (millis > 0 && (millis % units.s === 0 || millis > 10_000)) return `${millis / units.s}s`
  return `${millis}ms`
}
