/** The whole daemon on a hostile NPU: it lives, keeps its bounds, and shows nothing that steers a terminal. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { exchange } from "../../layers/control/client.ts"
import { feed } from "../../layers/control/feed.ts"
import * as Gnoi from "../../layers/gnoi/wire.ts"
import { make } from "../../src/cli/control-client.ts"
import { ActivePolicy } from "../../src/policy/policy.ts"
import { commandLine } from "../unit/cli/console.ts"
import { makeWorld, names } from "../unit/daemon/world.ts"
import { brisk } from "./brisk.ts"
import { campaign, soon } from "./campaign.ts"
import { isHarmless, steersNothing } from "./harmless.ts"
import { overHttp2, serve } from "./hostile-server.ts"

const lines: ReadonlyArray<ReadonlyArray<string>> = [
  ["list"],
  ["status"],
  ["status", "-o", "json"],
  ["status", "--npu"],
  ["plan"],
  ["images"],
  ["images", "-o", "json"],
  ["logs", "gnmi"],
  ["events"],
  ["events", "-o", "json"],
  ["logs", "gnmi", "--previous"],
  ["version"]
]

const methods = ["ListContainer", "ListContainer", "ListImage", "StartContainer", "Deploy", "Log"]

describe("the daemon", () => {
  campaign({
    target: "on a hostile NPU",
    file: "test/fuzz/daemon.test.ts",
    share: 0.1,
    batch: 200,
    lanes: 5,
    run: (chance, cases) =>
      Effect.gen(function*() {
        let answered = 0
        // It asks when it likes; what the answers are is drawn, what they answer is not.
        const port = yield* serve(overHttp2, () => {
          const own = chance.fork(answered++)
          return { chance: own, method: own.pick(methods) }
        })
        const wire = yield* Gnoi.make({
          host: "127.0.0.1",
          port,
          connectTimeout: 100,
          reconnect: { initial: 20, maximum: 20 }
        })
        const folder = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "fuzz-"))),
          (path) => Effect.sync(() => rmSync(path, { recursive: true }))
        )
        const world = yield* makeWorld(["1.0"], wire)
        const daemon = yield* world.boot
        const path = join(folder, "s")
        yield* daemon.serve(path)
        const count = Effect.sync(() => answered)
        const more = Effect.flatMap(count, (before) =>
          soon(
            Effect.repeat(Effect.delay(count, "10 millis"), { until: (now) => now > before }),
            `the daemon asks nothing more after ${before} answers`
          ))
        yield* Effect.repeat(more, { until: (now) => now >= cases })
        // The decision loop still takes commands.
        const reply = yield* soon(daemon.decider.command({ _tag: "Retry", containers: names }), "a command")
        assert.strictEqual(reply._tag, "Retrying")
        for (const line of lines) {
          const connected = commandLine(line, {
            client: make(exchange(path)),
            events: feed(path).events,
            output: feed(path).output
          })
          const { err, out } = yield* soon(connected, line.join(" "))
          // A container's output has lines of its own.
          if (line[0] === "logs") steersNothing(line, out)
          else isHarmless(line, out)
          isHarmless(line, err)
          assert.isAtMost(out.length + err.length, 2 * 2 ** 20, line.join(" "))
        }
        assert.isAtMost(world.disk.text?.length ?? 0, 100_000, "size of the daemon's memory")
      }).pipe(Effect.provideService(ActivePolicy, brisk))
  })
})
