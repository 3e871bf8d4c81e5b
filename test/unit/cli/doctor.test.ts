import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

import { arrange } from "../../../src/cli/arguments.ts"
import { DoctorError, type Finding } from "../../../src/cli/doctor.ts"
import { commandLine } from "./console.ts"

const ok: Finding = { check: "TCP", verdict: "ok", message: "it accepts" }
const failed: Finding = { check: "TLS", verdict: "failure", message: "expired\u001B[2J", cure: "renew it" }
const warned: Finding = { check: "clock", verdict: "warning", message: "3 s ahead", cure: "set it" }
const skipped: Finding = { check: "dialect", verdict: "not checked", message: "TLS failed" }

const examine = (...findings: ReadonlyArray<Finding>) => ({ examine: () => Stream.fromIterable(findings) })

describe("doctor", () => {
  it.effect("prints each finding with its cure, and exits 1 where one failed", () =>
    Effect.gen(function*() {
      const { code, out } = yield* commandLine(["doctor"], examine(ok, failed, skipped, warned))
      assert.strictEqual(
        out,
        `ok           TCP: it accepts
failure      TLS: expired\\u001b[2J
             → renew it
not checked  dialect: TLS failed
warning      clock: 3 s ahead
             → set it
1 failed, 1 with a warning, 1 not checked, 1 well
`
      )
      assert.strictEqual(code, 1)
    }))

  it.effect("exits 0 where nothing failed", () =>
    Effect.gen(function*() {
      const { code, out } = yield* commandLine(["doctor"], examine(ok, warned))
      assert.deepStrictEqual([code, out.includes("0 failed")], [0, true])
    }))

  it.effect("prints all of it as JSON", () =>
    Effect.gen(function*() {
      const { code, out } = yield* commandLine(["doctor", "-o", "json"], examine(ok, failed))
      assert.deepStrictEqual(JSON.parse(out), {
        apiVersion: "offloader/v1",
        healthy: false,
        findings: [ok, failed]
      })
      assert.strictEqual(code, 1)
    }))

  it.effect("takes offloadd's options as they are, and says what is wrong with them", () =>
    Effect.gen(function*() {
      const asked: Array<ReadonlyArray<string>> = []
      const { code, err } = yield* commandLine(
        ["doctor", "--npu", "1.2.3.4:8080", "-o", "json", "--plaintext", "--socket", "/run/x"],
        {
          examine: (options) => {
            asked.push(options)
            return Stream.fail(new DoctorError({ message: "--npu: it is no address" }))
          }
        }
      )
      assert.deepStrictEqual(asked, [["--npu", "1.2.3.4:8080", "--plaintext", "--socket", "/run/x"]])
      assert.deepStrictEqual([code, err], [2, "offloadctl: --npu: it is no address\n"])
    }))

  it("has its command line brought into order", () => {
    assert.deepStrictEqual(arrange(["doctor"]), ["doctor"])
    assert.deepStrictEqual(arrange(["doctor", "--help", "--npu", "x"]), ["--help", "doctor", "--help"])
    assert.deepStrictEqual(arrange(["doctor", "--dpu=dpu0", "--", "--npu", "doctor"]), [
      ...["doctor", "--", "--dpu=dpu0", "--npu", "doctor"]
    ])
    assert.deepStrictEqual(arrange(["--socket", "/s", "doctor", "-o", "json"]), [
      ...["doctor", "-o", "json", "--", "--socket", "/s"]
    ])
  })
})
