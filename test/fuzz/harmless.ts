/** What may be written to a terminal, whatever a peer said. */
import { assert } from "@effect/vitest"

import { forged } from "./garbage.ts"

/** Anything but a new line that a terminal may act on, that turns writing around, or that is half a character. */
const steering =
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/

export const steersNothing = (line: ReadonlyArray<string>, text: string): void => {
  const found = steering.exec(text)
  if (found !== null) {
    const around = text.slice(Math.max(0, found.index - 40), found.index + 10)
    assert.fail(`${line.join(" ")} prints ${JSON.stringify(around)}`)
  }
}

/** Besides, it begins no line that only a peer can have begun. */
export const isHarmless = (line: ReadonlyArray<string>, text: string): void => {
  steersNothing(line, text)
  assert.notMatch(text, new RegExp(`^${forged}`, "m"), line.join(" "))
}
