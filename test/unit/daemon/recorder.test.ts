import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { Recorder } from "../../../src/daemon/recorder.ts"
import { decodeEntry, encodeEntry } from "../../../src/decide/recording.ts"
import { replay } from "../../../src/decide/replay.ts"
import { makeWorld, names, pass } from "./world.ts"

describe("the daemon's recording", () => {
  it.scoped("replays to what the daemon did, through crashes, a full disk and its own restart", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0"])
      const lines: Array<string> = []
      const recorder = {
        version: "0.1.0",
        record: (entry: Parameters<typeof encodeEntry>[0]) => Effect.sync(() => void lines.push(encodeEntry(entry)))
      }
      const boot = Effect.provideService(world.boot, Recorder, recorder)
      const first = yield* boot
      yield* pass(5000, 50)
      world.engine.crash(names[2]!)
      world.disk.fault = "no space"
      yield* pass(2000, 50)
      world.disk.fault = undefined
      yield* first.kill
      yield* boot
      yield* pass(2000, 50)
      const result = replay(lines.map((line) => Either.getOrThrow(decodeEntry(line))))
      assert.deepStrictEqual(result.decisions.filter((turn) => turn.differs), [])
      assert.deepStrictEqual([result.skipped, result.otherMemory], [0, []])
      const started = result.decisions.flatMap((turn) => turn.replayed.actions).filter((text) =>
        text.startsWith("Start")
      )
      assert.lengthOf(started, world.calls.filter((call) => call.method === "StartContainer").length)
      assert.lengthOf(started, 4)
    }))
})
