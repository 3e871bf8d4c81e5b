/** What becomes of checks where one of them fails inside. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { notChecked, ok, row, type Tell } from "../../../layers/doctor/finding.ts"
import type { Finding } from "../../../src/cli/doctor.ts"
import { found } from "./support.ts"

describe("a row of checks", () => {
  it.effect("tells one that fails inside as a failure, and those after it as not checked", () =>
    Effect.gen(function*() {
      const findings: Array<Finding> = []
      const tell: Tell = (finding) => Effect.as(Effect.sync(() => findings.push(finding)), finding)
      const answer = yield* row(["name", "TCP", "TLS"], tell, (noting) =>
        Effect.zipRight(
          noting(ok("name", "it is an address")),
          Effect.sync((): string => {
            throw new Error("EMFILE: too many open files")
          })
        ))
      assert.isUndefined(answer)
      const [name, tcp, tls] = findings
      assert.deepStrictEqual(name, ok("name", "it is an address"))
      found(tcp!, "failure", /^the check failed inside, .*EMFILE/)
      assert.strictEqual(tcp!.check, "TCP")
      assert.deepStrictEqual(tls, notChecked("TLS", "the check \"TCP\" failed inside"))
    }))

  it.effect("tells one that fails inside after it has told something", () =>
    Effect.gen(function*() {
      const findings: Array<Finding> = []
      const tell: Tell = (finding) => Effect.as(Effect.sync(() => findings.push(finding)), finding)
      yield* row(
        ["images"],
        tell,
        (noting) => Effect.zipRight(noting(ok("images", "one is there")), Effect.die("gone"))
      )
      assert.deepStrictEqual(findings.map(({ check, verdict }) => `${verdict} ${check}`), [
        "ok images",
        "failure images"
      ])
    }))
})
