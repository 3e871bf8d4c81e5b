/** Runs a script of scripts/ in a process of its own, as `npm run` would. */
import { execFile } from "node:child_process"
import { join } from "node:path"

import * as Effect from "effect/Effect"

const root = join(import.meta.dirname, "../..")

export interface Ended {
  readonly code: number
  readonly output: string
}

/** Ends with whatever code it ends; interrupted, the process is killed. */
export const script = (name: string, args: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.async((resume) => {
    const child = execFile(
      process.execPath,
      [join(root, "scripts", name), ...args],
      { cwd: root, maxBuffer: 2 ** 26 },
      (error, stdout, stderr) =>
        resume(Effect.succeed({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` }))
    )
    return Effect.sync(() => child.kill())
  })

/** The last lines, which sum up. */
export const end = ({ output }: Ended, lines: number): string => output.trimEnd().split("\n").slice(-lines).join("\n")
