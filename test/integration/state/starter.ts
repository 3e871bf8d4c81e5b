/**
 * Stands for a daemon: `take` takes the lock and says what came of it,
 * `release` gives it back, `spin` takes and releases until the process is killed.
 */
import { createInterface } from "node:readline"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

import { lockFolder } from "../../../layers/state/folder-lock.ts"

const directory = process.argv[2] ?? ""
let scope = Effect.runSync(Scope.make())

const take = (): string =>
  Either.match(Effect.runSync(Effect.either(Scope.extend(lockFolder(directory), scope))), {
    onLeft: (error) => error._tag === "FolderLocked" ? `locked by ${error.pid}` : error.message,
    onRight: () => "held"
  })

const release = (): string => {
  Effect.runSync(Scope.close(scope, Exit.void))
  scope = Effect.runSync(Scope.make())
  return "released"
}

const spin = (): never => {
  process.stdout.write("spinning\n")
  for (;;) {
    const result = take()
    if (result !== "held" && !result.startsWith("locked")) process.stdout.write(`${result}\n`)
    release()
  }
}

const commands: Readonly<Record<string, () => string>> = { take, release, spin }

createInterface({ input: process.stdin }).on("line", (command) => {
  process.stdout.write(`${commands[command]?.() ?? "unknown command"}\n`)
})
process.stdout.write("ready\n")
