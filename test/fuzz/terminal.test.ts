/** Whatever the daemon says of containers and events, offloadctl's output steers no terminal and forges no line. */
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import { make } from "../../src/cli/control-client.ts"
import { exitCodes } from "../../src/cli/exit-code.ts"
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
  ["start", "gnmi", "--timeout", "0.02"],
  ["start", "gnmi", "--no-wait"],
  ["stop", "gnmi", "--timeout", "0.02"],
  ["retry", "--all"],
  ["retry", "gnmi"],
  ["deploy", "docker-sonic-gnmi:1", "--timeout", "0.02"],
  ["deploy", "docker-sonic-gnmi:1", "-o", "json", "--timeout", "0.02"],
  ["events"],
  ["events", "-o", "json"],
  ["logs", "gnmi"],
  ["policy", "-o", "json"],
  ["version"],
  ["version", "-o", "json"]
]

const codes: ReadonlySet<number> = new Set(exitCodes.map(([code]) => code))

const once = Effect.fnUntraced(function*(chance: Chance) {
  const line = chance.pick(lines)
  const { code, err, out } = yield* commandLine(line, {
    client: make((method, path) => Effect.sync(() => reply(chance, method, path))),
    events: () => Stream.fromIterable(Array.from({ length: chance.below(5) }, () => event(chance))),
    output: () => Stream.fromIterable(Array.from({ length: chance.below(5) }, () => Garbage.text(chance)))
  })
  isHarmless(line, out)
  isHarmless(line, err)
  assert.include([...codes], code, line.join(" "))
})

describe("a terminal", () => {
  campaign({
    target: "behind offloadctl",
    file: "test/fuzz/terminal.test.ts",
    share: 0.1,
    batch: 100,
    lanes: 8,
    run: (chance, cases) => Effect.repeatN(Effect.suspend(() => once(chance)), cases - 1)
  })
})
