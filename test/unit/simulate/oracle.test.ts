/** The oracle's judgement, of traces made by hand. */
import { assert, describe, it } from "@effect/vitest"

import { defaults } from "../../../src/policy/policy.ts"
import { Oracle } from "../../../src/simulate/oracle/oracle.ts"
import type { Invariant } from "../../../src/simulate/oracle/violation.ts"
import type { Call, Entry } from "../../../src/simulate/trace.ts"
import { database, specs } from "../decide/bench.ts"

const judged = (trace: ReadonlyArray<Entry>): ReadonlyArray<Invariant> => {
  const oracle = new Oracle({
    policy: defaults,
    containers: [specs],
    quiet: 300_000,
    badVersions: [],
    unobtainable: ""
  })
  for (const entry of trace) oracle.see(entry)
  return oracle.violations.map(({ invariant }) => invariant)
}

let calls = 0

const call = (method: Call["method"], begun: number): Call => ({
  number: calls += 1,
  method,
  container: "",
  image: "",
  force: false,
  all: true,
  dpu: 0,
  life: 1,
  begun
})

const question = (method: Call["method"], at: number): ReadonlyArray<Entry> => {
  const asked = call(method, at)
  return [
    { _tag: "Called", at, call: asked },
    { _tag: "Answered", at: at + 1, call: asked, error: undefined, rows: undefined, images: undefined }
  ]
}

const retry = (at: number, answer: string | undefined): Entry => ({
  _tag: "Asked",
  at,
  dpu: 0,
  container: database,
  what: "retry",
  answer
})

const unlisting: Entry = {
  _tag: "Fault",
  at: 10,
  index: 0,
  fault: { _tag: "ServerReplaced", at: 10, length: 60_000, lacks: "everything", described: false },
  phase: "begins"
}

describe("a hint", () => {
  const answered = (looks: ReadonlyArray<Entry>): ReadonlyArray<Invariant> =>
    judged([
      { _tag: "Up", at: 0, dpu: 0, life: 1, durable: undefined },
      unlisting,
      retry(1000, undefined),
      ...looks,
      { _tag: "Quiet", at: 1500 }
    ])

  it("is not heeded where no look follows upon the answer", () => {
    assert.deepStrictEqual(answered([retry(1000, "Retrying")]), ["HintsHeeded"])
  })

  for (const method of ["ListContainer", "Time"] as const) {
    it(`is heeded where ${method} is asked for before or after whoever asked hears of it, at that moment`, () => {
      const [called, ended] = question(method, 1000)
      assert.deepStrictEqual(answered([retry(1000, "Retrying"), called!, ended!]), [])
      assert.deepStrictEqual(answered([called!, retry(1000, "Retrying"), ended!]), [])
    })
  }
})
