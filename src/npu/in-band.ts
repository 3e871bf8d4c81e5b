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

const statusCodes = {
  StopContainer: { 1: ["BUSY", "Conflict"], 2: ["NOT_FOUND", "NotFound"], 3: ["SUCCESS", "success"] },
  RemoveContainer: { 1: ["NOT_FOUND", "NotFound"], 2: ["RUNNING", "Conflict"], 3: ["SUCCESS", "success"] },
  RemoveImage: {
    1: ["UNKNOWN", "ServerFault"],
    2: ["NOT_FOUND", "NotFound"],
    3: ["RUNNING", "Conflict"],
    4: ["SUCCESS", "success"]
  }
} as const satisfies Record<string, Codes>

const startCodes: Readonly<Record<Generation, Codes>> = {
  "0.4.1": { 1: ["NOT_FOUND", "NotFound"], 2: ["PORT_USED", "Conflict"] },
  "0.5": { 1: ["UNKNOWN", "ServerFault"], 2: ["NOT_FOUND", "NotFound"], 3: ["PORT_USED", "Conflict"] }
}

/** The error in an answer to one of these; undefined where it says success, or nothing. */
export const inBandStatus = (
  method: keyof typeof statusCodes,
  { code = 0, detail = "" }: InBandStatus
): InBandError | undefined =>
  // A detail without a code is an answer that makes no sense, and an empty answer is how newer servers say success.
  code === 0 && detail === "" ? undefined : read(statusCodes[method], code, detail)

/** The error of a start; one without a code is an error all the same. */
export const inBandStart = (fault: InBandFault, generation: Generation): InBandError =>
  read(startCodes[generation], fault.errorCode ?? 0, fault.details ?? "") ?? nonsense(0, fault.details ?? "")

const read = (codes: Codes, code: number, detail: string): InBandError | undefined => {
  const meaning = codes[code]
  if (meaning === undefined) return nonsense(code, detail)
  const [name, errorClass] = meaning
  return errorClass === "success" ? undefined : { class: errorClass, name, detail }
}

const nonsense = (code: number, detail: string): InBandError => ({ class: "BadAnswer", name: `code ${code}`, detail })
