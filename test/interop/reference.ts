/**
 * The reference peer, github.com/openconfig/containerz: a Go program that is
 * server and client, found by OFFLOADER_REFERENCE or as `containerz` in PATH. It
 * is installed by whoever wants these tests; nothing of it is in this project.
 */
import { spawnSync } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { connect } from "node:net"
import { delimiter, join } from "node:path"

import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

import { freePort } from "../../bin/lab.ts"
import { ProcessError, run, start, systemPath } from "../../layers/lab/process.ts"

const isProgram = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Where it is, or undefined. */
export const reference = (): string | undefined => {
  const given = process.env["OFFLOADER_REFERENCE"]
  if (given !== undefined) return given
  return (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "containerz")).find(isProgram)
}

/** Why nothing can be tried with it, or undefined where it is there. */
export const whyNoReference = (): string | undefined => {
  const path = reference()
  if (path === undefined) {
    return "the reference peer is not here: OFFLOADER_REFERENCE names none, and no containerz is in PATH (docs/interoperability.md)"
  }
  return isProgram(path) ? undefined : `OFFLOADER_REFERENCE: ${path} is no program`
}

/** Its version, as its build notes it. */
export const version = (): string => {
  const { stdout } = spawnSync("go", ["version", "-m", reference() ?? ""], { encoding: "utf8" })
  return /^\s*mod\s+(\S+\s+\S+)/m.exec(stdout ?? "")?.[1] ?? "of an unknown version"
}

/** Serves the engine behind this socket until the scope closes; answers `HOST:PORT`. */
export const serveReference = (
  socket: string,
  chunkSize: number
): Effect.Effect<string, ProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* freePort
    const endpoint = `127.0.0.1:${port}`
    const server = yield* start(
      reference()!,
      ["start", "--addr", endpoint, "--docker_host", `unix://${socket}`, "--chunk_size", String(chunkSize)],
      { env: { PATH: systemPath } }
    )
    // It does not say when it listens.
    yield* Effect.retry(knock(port), Schedule.spaced("50 millis")).pipe(
      Effect.timeoutFail({
        duration: "20 seconds",
        onTimeout: () => new ProcessError({ message: `the reference server does not listen:\n${server.output()}` })
      })
    )
    return endpoint
  })

/** Runs the reference client against this server, and answers what it printed to stdout. */
export const referenceClient = (endpoint: string, ...args: ReadonlyArray<string>) =>
  run(reference()!, ["--addr", endpoint, ...args], { env: { PATH: systemPath } })

const knock = (port: number): Effect.Effect<void, ProcessError> =>
  Effect.async((resume) => {
    const socket = connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", ({ message }) => resume(new ProcessError({ message })))
    return Effect.sync(() => socket.destroy())
  })
