import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"

import { layerRecordingFile } from "../../../layers/state/recording-file.ts"
import { replayFile } from "../../../layers/state/replay-file.ts"
import { Recorder } from "../../../src/daemon/recorder.ts"
import { decidedOf } from "../../../src/decide/recording.ts"
import { Bench } from "../../unit/decide/bench.ts"
import { folder } from "../control/fixture.ts"

const record = (path: string) =>
  Effect.gen(function*() {
    const bench = new Bench()
    const recorder = yield* Recorder
    yield* recorder.record({ _tag: "Memory", version: recorder.version ?? "", memory: bench.memory })
    for (let look = 0; look < 50; look += 1) {
      const input = { _tag: "ConnectionLost", reason: "cut" } as const
      const now = { mono: bench.mono, wall: bench.wall, unsavable: undefined }
      yield* recorder.record({ _tag: "Turn", now, input, decided: decidedOf(bench.give(input)) })
    }
  }).pipe(Effect.provide(layerRecordingFile({ path, version: "0.1.0" })), Effect.scoped)

describe("a recording in a file", () => {
  it.scoped("is whole once the daemon has ended, and replays", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "recording")
      yield* record(path)
      const result = yield* replayFile(path)
      assert.deepStrictEqual([result.turns, result.skipped, result.versions], [50, 0, ["0.1.0"]])
      assert.isTrue(result.decisions.every((decision) => !decision.differs))
      const text = readFileSync(path, "utf8")
      writeFileSync(path, text.slice(0, -40))
      assert.strictEqual((yield* replayFile(path)).turns, 49, "a line cut short at the end")
      writeFileSync(path, `nonsense\n${text}`)
      assert.include(Either.getOrThrow(Either.flip(yield* Effect.either(replayFile(path)))).message, "line 1")
    }))

  it.scoped("cannot be opened where there is no place for it, and says so", () =>
    Effect.gen(function*() {
      const built = yield* Effect.either(
        Layer.build(layerRecordingFile({ path: "/dev/null/recording", version: "" }))
      )
      assert.isTrue(Either.isLeft(built))
      const missing = yield* Effect.either(replayFile("/nowhere"))
      assert.isTrue(Either.isLeft(missing) && missing.left.message.includes("cannot be read"))
    }))
})
