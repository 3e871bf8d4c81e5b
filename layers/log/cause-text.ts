/** A cause in one line: what failed by tag and message, where a defect arose. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"

/** Empty for an empty cause. */
export const describeCause = (cause: Cause.Cause<unknown>): string => {
  const failures = [...Chunk.map(Cause.failures(cause), describeError)]
  const defects = [...Chunk.map(Cause.defects(cause), describeDefect)]
  if (failures.length === 0 && defects.length === 0) {
    return Cause.isInterruptedOnly(cause) && !Cause.isEmpty(cause)
      ? "interrupted"
      : ""
  }
  return [...new Set([...failures, ...defects])].join("; ")
}

/** `Tag: message`, and what it was caused by. Never throws. */
export const describeError = (error: unknown): string => {
  try {
    return describe(error, 4)
  } catch {
    return "an error that cannot be shown"
  }
}

const describe = (error: unknown, depth: number): string => {
  if (typeof error !== "object" || error === null) return String(error)
  const fields = error as {
    readonly _tag?: unknown
    readonly name?: unknown
    readonly message?: unknown
    readonly cause?: unknown
  }
  const name = [fields._tag, fields.name].find((each) => typeof each === "string" && each !== "") ?? "an object"
  const message = typeof fields.message === "string" && fields.message !== "" ? `: ${fields.message}` : ""
  const cause = fields.cause === undefined || depth === 0 ? "" : ` (caused by ${describe(fields.cause, depth - 1)})`
  return `${String(name)}${message}${cause}`
}

/** A defect is a fault of the program: the place where it arose is what its reader wants. */
const describeDefect = (defect: unknown): string => {
  const place = defect instanceof Error
    ? defect.stack?.split("\n").find((line) => /^\s+at /.test(line) && !line.includes("node_modules"))?.trim()
    : undefined
  return `defect ${describeError(defect)}${place === undefined ? "" : ` ${place}`}`
}
