/** Whatever the daemon says of containers and events, offloadctl's output steers no terminal and forges no line. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import { make } from "../../src/cli/control-client.ts"
import type { Finding } from "../../src/cli/doctor.ts"
import { exitCodes } from "../../src/cli/exit-code.ts"
import { type Replayed, ReplayError } from "../../src/cli/replay.ts"
import type { Chance } from "../../src/simulate/chance.ts"
import { commandLine } from "../unit/cli/console.ts"
import { campaign } from "./campaign.ts"
import * as Garbage from "./garbage.ts"
import { isHarmless } from "./harmless.ts"
import { event, reply } from "./views.ts"

const lines: ReadonlyArray<ReadonlyArray<string>> = [
  ["list"],
  ["list", "-o", "json"],
  ["status"],
  ["status", "-o", "json"],
  ["status", "gnmi"],
  ["status", "--npu"],
  ["status", "--npu", "-o", "json"],
  ["start", "gnmi", "--timeout", "0.02"],
  ["start", "gnmi", "--no-wait"],
  ["stop", "gnmi", "--timeout", "0.02"],
  ["retry", "--all"],
  ["retry", "gnmi"],
  ["deploy", "docker-sonic-gnmi:1", "--timeout", "0.02"],
  ["deploy", "docker-sonic-gnmi:1", "-o", "json", "--timeout", "0.02"],
  ["upgrade"],
  ["upgrade", "--wait", "--timeout", "0.02"],
  ["upgrade", "--stage-only", "--wait", "--timeout", "0.02"],
  ["rollback", "--wait", "--timeout", "0.02"],
  ["plan"],
  ["plan", "-o", "json"],
  ["images"],
  ["images", "-o", "json"],
  ["release", "1.0"],
  ["pause"],
  ["resume"],
  ["doctor"],
  ["doctor", "-o", "json"],
  ["replay", "recording"],
  ["replay", "recording", "-o", "json"],
  ["events"],
  ["events", "-o", "json"],
  ["logs", "gnmi"],
  ["logs", "gnmi", "--previous"],
  ["policy"],
  ["policy", "-o", "json"],
  ["version"],
  ["version", "-o", "json"]
]

const codes: ReadonlySet<number> = new Set(exitCodes.map(([code]) => code))

const some = <A>(chance: Chance, one: () => A): ReadonlyArray<A> => Array.from({ length: chance.below(5) }, one)

const finding = (chance: Chance): Finding => ({
  check: Garbage.text(chance),
  verdict: chance.pick(["ok", "warning", "failure", "not checked"]),
  message: Garbage.text(chance),
  ...(chance.hits(0.5) ? { cure: Garbage.text(chance) } : {})
})

/** Of a recording that somebody handed over. */
const replayed = (chance: Chance): Replayed => {
  const texts = () => some(chance, () => Garbage.text(chance))
  const decided = () => ({ actions: texts(), events: texts(), replies: texts() })
  return {
    versions: texts(),
    turns: Garbage.int32(chance),
    skipped: Garbage.int32(chance),
    decisions: some(chance, () => ({
      turn: Garbage.int32(chance),
      at: Garbage.text(chance),
      input: Garbage.text(chance),
      recorded: decided(),
      replayed: decided(),
      differs: chance.hits(0.5)
    })),
    otherMemory: some(chance, () => Garbage.int32(chance))
  }
}

const once = Effect.fnUntraced(function*(chance: Chance) {
  const line = chance.pick(lines)
  const { code, err, out } = yield* commandLine(line, {
    client: make((method, path) => Effect.sync(() => reply(chance, method, path))),
    events: () => Stream.fromIterable(some(chance, () => event(chance))),
    output: () => Stream.fromIterable(some(chance, () => Garbage.text(chance))),
    examine: () => Stream.fromIterable(some(chance, () => finding(chance))),
    replay: () =>
      chance.hits(0.8)
        ? Effect.sync(() => replayed(chance))
        : new ReplayError({ message: Garbage.text(chance) }),
    ...(chance.hits(0.3) ? { screen: { redraws: true, columns: 1 + chance.below(200) } } : {})
  })
  isHarmless(line, out)
  // Where a bar is drawn again, its line is taken away first.
  isHarmless(line, err.replaceAll("\r\u001B[K", ""))
  assert.include([...codes], code, line.join(" "))
})

describe("a terminal", () => {
  campaign({
    target: "behind offloadctl",
    file: "test/fuzz/terminal.test.ts",
    share: 0.099,
    batch: 100,
    lanes: 8,
    run: (chance, cases) => Effect.repeatN(Effect.suspend(() => once(chance)), cases - 1)
  })
})
