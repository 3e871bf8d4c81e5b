/**
 * The answers of a server of gnoi 0.5 to 0.7: what went wrong with some calls is a
 * code in an answer that ends with OK, and so is that they went well.
 */
import type { CurrentUnaryMethod, CurrentUnaryMethods } from "../../../src/npu/messages.ts"
import type { GrpcCode } from "../../../src/npu/wire.ts"
import type { Refusal } from "../engine/reply.ts"

type Answer<M extends CurrentUnaryMethod> = CurrentUnaryMethods[M]["response"]

/** Which status became which code; the calls that are not here end with statuses. */
const codes: { readonly [M in CurrentUnaryMethod]?: Partial<Record<GrpcCode, number>> } = {
  StopContainer: { UNAVAILABLE: 1, NOT_FOUND: 2 },
  RemoveContainer: { NOT_FOUND: 1, FAILED_PRECONDITION: 2 },
  RemoveImage: { INTERNAL: 1, UNKNOWN: 1, NOT_FOUND: 2, FAILED_PRECONDITION: 3, UNAVAILABLE: 3 },
  StartContainer: { INTERNAL: 1, UNKNOWN: 1, NOT_FOUND: 2, UNAVAILABLE: 3 },
  UpdateContainer: { NOT_FOUND: 1, UNAVAILABLE: 2, FAILED_PRECONDITION: 3, INTERNAL: 5 }
}

const success: { readonly [M in CurrentUnaryMethod]?: number } = {
  StopContainer: 3,
  RemoveContainer: 3,
  RemoveImage: 4
}

/** The answer that carries this refusal; undefined where it stays a status. */
export const refused = <M extends CurrentUnaryMethod>(method: M, refusal: Refusal): Answer<M> | undefined => {
  const code = refusal.inBand ?? codes[method]?.[refusal.code]
  return code === undefined || codes[method] === undefined
    ? undefined
    : carrying(method, code, refusal.details)
}

/** The answer of a call that went well. */
export const accepted = <M extends CurrentUnaryMethod>(method: M, answer: Answer<M>): Answer<M> =>
  success[method] === undefined ? answer : { code: success[method], detail: "" }

const carrying = (method: CurrentUnaryMethod, code: number, details: string): object => {
  switch (method) {
    case "StartContainer":
      return { startError: { errorCode: code, details } }
    case "UpdateContainer":
      return { updateError: { errorCode: code, details } }
    default:
      return { code, detail: details }
  }
}
