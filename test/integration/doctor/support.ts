/** Situations for the doctor's checks, broken on purpose, on sockets of their own. */
import { mkdtempSync, rmSync } from "node:fs"
import { createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"

import type { Finding } from "../../../src/cli/doctor.ts"

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "doctor-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** Something that accepts connections and does this with them; its port. */
export const accepting = (act: (socket: Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Server>((resume) => {
        const server = createServer((socket) => {
          socket.on("error", () => undefined)
          act(socket)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    ),
    (server) => (server.address() as { readonly port: number }).port
  )

/** Asserts what a check found, and that what is wrong comes with a cure. */
export const found = (finding: Finding, verdict: Finding["verdict"], words: RegExp): void => {
  assert.strictEqual(finding.verdict, verdict, finding.message)
  assert.match(finding.message, words)
  if (verdict === "failure" || verdict === "warning") assert.isNotEmpty(finding.cure)
}
