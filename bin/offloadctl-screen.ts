/** The terminal, pipe or file that `offloadctl` writes to. */
import { isatty } from "node:tty"

import * as Effect from "effect/Effect"

import type { ScreenShape } from "../src/cli/screen.ts"
import { takesColour, write } from "./output.ts"

const errIsTerminal = isatty(2)

export const screen: ScreenShape = {
  out: (text) => write(1, text),
  err: (text) => Effect.ignore(write(2, text)),
  colour: takesColour(1),
  redraws: errIsTerminal && process.env["TERM"] !== "dumb",
  // Asked for only where a bar is drawn.
  get columns() {
    return errIsTerminal ? process.stderr.columns : 80
  }
}
