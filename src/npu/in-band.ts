/**
 * What older servers say in an answer that ended with status OK: a code whose
 * meaning depends on the call, and on the age of the server. Never read as
 * success unless it is the number for success.
 */
import type { ErrorClass } from "../policy/calls.ts"
import type { InBandFault, InBandStatus } from "./messages.ts"

/** Before gnoi 0.5 there was no UNKNOWN among the errors of a start, and no ListImage. */
export type Generation = "0.4.1" | "0.5"

export interface InBandError {
  readonly class: ErrorClass
  /** As the interface spells it, or the bare number. */
  readonly name: string
  readonly detail: string
}

type Meaning = readonly [name: string, ErrorClass | "success"]
type Codes = Readonly<Record<number, Meaning>>

/** The calls whose answers may carry one, and what those look like. */
export interface InBandAnswers {
  readonly StopContainer: InBandStatus
  readonly RemoveContainer: InBandStatus
  readonly RemoveImage: InBandStatus
  readonly StartContainer: { readonly startError?: InBandFault | null }
  readonly UpdateContainer: { readonly updateError?: InBandFault | null }
}

const codes = {
  StopContainer: { 1: ["BUSY", "Conflict"], 2: ["NOT_FOUND", "NotFound"], 3: ["SUCCESS", "success"] },
  RemoveContainer: { 1: ["NOT_FOUND", "NotFound"], 2: ["RUNNING", "Conflict"], 3: ["SUCCESS", "success"] },
  RemoveImage: {
    1: ["UNKNOWN", "ServerFault"],
    2: ["NOT_FOUND", "NotFound"],
    3: ["RUNNING", "Conflict"],
    4: ["SUCCESS", "success"]
  },
  StartContainer: { 1: ["UNKNOWN", "ServerFault"], 2: ["NOT_FOUND", "NotFound"], 3: ["PORT_USED", "Conflict"] },
  UpdateContainer: {
    1: ["NOT_FOUND", "NotFound"],
    2: ["PORT_USED", "Conflict"],
    3: ["NOT_RUNNING", "Conflict"],
    // Whether the old one runs again, its text alone would say.
    4: ["NOT_UPDATED", "ServerFault"],
    5: ["FAILURE", "ServerFault"]
  }
} as const satisfies { readonly [M in keyof InBandAnswers]: Codes }

const oldestStart: Codes = { 1: ["NOT_FOUND", "NotFound"], 2: ["PORT_USED", "Conflict"] }

/** The error in an answer; undefined where it says success, or nothing. */
export const inBandError = <M extends keyof InBandAnswers>(
  method: M,
  answer: InBandAnswers[M],
  generation: Generation
): InBandError | undefined => {
  const table = method === "StartContainer" && generation === "0.4.1" ? oldestStart : codes[method]
  const fault = "startError" in answer ? answer.startError : "updateError" in answer ? answer.updateError : undefined
  // One without a number is an error all the same.
  if (fault !== undefined && fault !== null) return read(table, fault.errorCode ?? 0, fault.details ?? "")
  const { code = 0, detail = "" } = answer as InBandStatus
  // A detail without a code is an answer that makes no sense; an empty answer is how newer servers say success.
  return code === 0 && detail === "" ? undefined : read(table, code, detail)
}

const read = (codes: Codes, code: number, detail: string): InBandError | undefined => {
  const meaning = codes[code]
  if (meaning === undefined) return nonsense(code, detail)
  const [name, errorClass] = meaning
  return errorClass === "success" ? undefined : { class: errorClass, name, detail }
}

const nonsense = (code: number, detail: string): InBandError => ({ class: "BadAnswer", name: `code ${code}`, detail })
