import { assert, describe, it } from "@effect/vitest"

import { type InBandAnswers, type InBandError, inBandError } from "../../../src/npu/in-band.ts"

const inBandStatus = (
  method: "StopContainer" | "RemoveContainer" | "RemoveImage",
  answer: InBandAnswers["StopContainer"]
) => inBandError(method, answer, "0.5")

const inBandStart = (startError: object, generation: "0.4.1" | "0.5") =>
  inBandError("StartContainer", { startError }, generation)

const told = (error: InBandError | undefined): string =>
  error === undefined ? "success" : `${error.name} ${error.class}`

describe("an in-band code", () => {
  it("means what its call and the server's age make it mean", () => {
    const meanings = (read: (code: number) => InBandError | undefined) =>
      [1, 2, 3, 4, 5].map((code) => told(read(code)))
    assert.deepStrictEqual(
      meanings((code) => inBandStatus("StopContainer", { code, detail: "x" })),
      ["BUSY Conflict", "NOT_FOUND NotFound", "success", "code 4 BadAnswer", "code 5 BadAnswer"]
    )
    assert.deepStrictEqual(
      meanings((code) => inBandStatus("RemoveContainer", { code })),
      ["NOT_FOUND NotFound", "RUNNING Conflict", "success", "code 4 BadAnswer", "code 5 BadAnswer"]
    )
    assert.deepStrictEqual(
      meanings((code) => inBandStatus("RemoveImage", { code })),
      ["UNKNOWN ServerFault", "NOT_FOUND NotFound", "RUNNING Conflict", "success", "code 5 BadAnswer"]
    )
    assert.deepStrictEqual(
      meanings((errorCode) => inBandError("UpdateContainer", { updateError: { errorCode } }, "0.5")),
      [
        "NOT_FOUND NotFound",
        "PORT_USED Conflict",
        "NOT_RUNNING Conflict",
        "NOT_UPDATED ServerFault",
        "FAILURE ServerFault"
      ]
    )
    assert.deepStrictEqual(
      meanings((errorCode) => inBandStart({ errorCode }, "0.4.1")),
      ["NOT_FOUND NotFound", "PORT_USED Conflict", "code 3 BadAnswer", "code 4 BadAnswer", "code 5 BadAnswer"]
    )
    assert.deepStrictEqual(
      meanings((errorCode) => inBandStart({ errorCode }, "0.5")),
      ["UNKNOWN ServerFault", "NOT_FOUND NotFound", "PORT_USED Conflict", "code 4 BadAnswer", "code 5 BadAnswer"]
    )
  })

  it("is success where it is the number for success, or where nothing is said", () => {
    assert.strictEqual(told(inBandStatus("StopContainer", {})), "success")
    assert.strictEqual(told(inBandStatus("StopContainer", { code: 0, detail: "" })), "success")
    assert.strictEqual(told(inBandStatus("StopContainer", { code: 3, detail: "stopped" })), "success")
  })

  it("is no success where it makes no sense", () => {
    assert.strictEqual(told(inBandStatus("StopContainer", { detail: "cannot" })), "code 0 BadAnswer")
    assert.strictEqual(told(inBandStatus("StopContainer", { code: -1 })), "code -1 BadAnswer")
    assert.strictEqual(told(inBandStart({}, "0.5")), "code 0 BadAnswer")
  })
})
