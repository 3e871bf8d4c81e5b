import { assert, describe, it } from "@effect/vitest"

import type { Capability } from "../../../src/model/speech.ts"
import { describedBy, isMissing, nothingShown, type Shown, speechOf } from "../../../src/npu/dialect.ts"
import type { ReflectedFile } from "../../../src/npu/messages.ts"

const all = [
  ...["Deploy", "ListImage", "RemoveImage", "ListContainer", "RemoveContainer"],
  ...["StartContainer", "StopContainer", "UpdateContainer", "Log"]
]

const file = (methods: ReadonlyArray<string>, codes: boolean): ReflectedFile => ({
  package: "gnoi.containerz",
  messageType: [{ name: "StopContainerResponse", field: codes ? [{ name: "code", number: 1 }] : [] }],
  service: [{ name: "Containerz", method: methods.map((name) => ({ name })) }]
})

const reflected = (methods: ReadonlyArray<string>, codes = false): Shown => {
  const described = describedBy([{ fileDescriptorResponse: { fileDescriptorProto: [file(methods, codes)] } }])
  assert.isDefined(described)
  return { ...nothingShown, described }
}

const answered = (shown: Partial<Shown>): Shown => ({ ...nothingShown, described: "none", ...shown })

const spoken = (shown: Shown, remote = false): string => {
  const speech = speechOf(shown, remote)
  return speech === undefined
    ? "not known"
    : [speech.dialect, `by ${speech.by}`, speech.missing.length === 0 ? "all" : `no ${speech.missing.join(" ")}`]
      .join(", ")
}

const everything = "list start stop remove images deploy logs"

describe("the dialect", () => {
  it("is what the server's own description says", () => {
    assert.strictEqual(spoken(reflected(all)), "modern, by reflection, all")
    assert.strictEqual(spoken(reflected(all, true)), "in-band, by reflection, all")
    assert.strictEqual(
      spoken(reflected(all.filter((name) => name !== "Log" && name !== "StopContainer"))),
      "modern, by reflection, no stop logs"
    )
    assert.strictEqual(
      spoken(reflected(["Deploy", "Remove", "List", "Start", "Stop", "Log"])),
      "sonic, by reflection, no images deploy"
    )
  })

  it("is none where the description has no Containerz, and unknown where there is no description", () => {
    const described = describedBy([{ errorResponse: { errorCode: 5, errorMessage: "symbol not found" } }])
    assert.strictEqual(spoken({ ...nothingShown, described }), `none, by reflection, no ${everything}`)
    assert.isUndefined(describedBy([]))
    assert.isUndefined(describedBy([{ errorResponse: { errorCode: 13, errorMessage: "broken" } }]))
    assert.isUndefined(describedBy([{ fileDescriptorResponse: { fileDescriptorProto: [] } }]))
  })

  it("is what the answers show where there is no description", () => {
    assert.strictEqual(spoken(nothingShown), "not known")
    assert.strictEqual(spoken(answered({})), "not known")
    assert.strictEqual(spoken(answered({ lists: "ListContainer" })), "modern, by answers, all")
    assert.strictEqual(spoken(answered({ lists: "ListContainer", codes: true })), "in-band, by answers, all")
    assert.strictEqual(spoken(answered({ lists: "neither" })), `none, by answers, no ${everything}`)
    assert.strictEqual(
      spoken(answered({ lists: "ListContainer", unsupported: new Set(["Log", "ListImage"]) })),
      "modern, by answers, no images logs"
    )
  })

  it("is sonic where the oldest names are there, with nothing behind them or with something", () => {
    const behind = answered({ lists: "List", unsupported: new Set(["ListContainer"]) })
    assert.strictEqual(spoken(behind), `sonic, by answers, no ${everything}`)
    assert.strictEqual(spoken(behind, true), "sonic, by answers, no list start stop remove images logs")
    assert.strictEqual(spoken(answered({ lists: "List" }), true), "sonic, by answers, no images")
  })

  it("tells what is missing before the description is there", () => {
    const missing = (shown: Shown, capability: Capability) => isMissing(shown, false, capability)
    assert.isTrue(missing({ ...nothingShown, lists: "List", unsupported: new Set(["ListContainer"]) }, "list"))
    assert.isFalse(missing(nothingShown, "list"))
    assert.isTrue(missing({ ...nothingShown, lists: "neither" }, "list"))
  })
})
