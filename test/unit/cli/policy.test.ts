import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

import { PolicyView, policyView } from "../../../src/control/policy-view.ts"
import { defaults } from "../../../src/policy/policy.ts"
import { commandLine } from "./console.ts"

const slow = { ...defaults, restart: { ...defaults.restart, base: 5000, cap: 40_000 } }
const answers = { client: { policy: Effect.succeed(Schema.encodeSync(PolicyView)(policyView(slow))) } }

describe("policy", () => {
  it.effect("prints the time line of the policy in force", () =>
    Effect.gen(function*() {
      const { code, out } = yield* commandLine(["policy"], answers)
      assert.strictEqual(code, 0)
      assert.match(out, /5 and more +40s +32s to 48s +75s/)
      assert.match(out, /StartContainer +30s +1 +30s +N\/A +Unreachable, TimedOut/)
      assert.match(out, /health.unhealthyFor {2}30s/)
    }))

  it.effect("prints the built-in one without a daemon, as a policy file could say it", () =>
    Effect.gen(function*() {
      const { code, out } = yield* commandLine(["policy", "--defaults", "-o", "json"])
      assert.strictEqual(code, 0)
      assert.strictEqual(JSON.parse(out).policy.restart.base, "1s")
      assert.strictEqual((yield* commandLine(["policy"])).code, 4)
    }))

  it.effect("says so where it cannot read what the daemon answers", () =>
    Effect.gen(function*() {
      const { code, err } = yield* commandLine(["policy"], { client: { policy: Effect.succeed({ policy: 1 }) } })
      assert.strictEqual(code, 1)
      assert.include(err, "another version")
    }))
})
