/**
 * A streamed answer that ends before its time says why after its last piece, in a trailer of HTTP/1.1: by then its status
 * is long sent. The value is the problem as JSON, in ASCII alone.
 */
import type { ProblemView } from "./problems.ts"

/** In lower case, as Node gives the names of headers. */
export const problemTrailer = "offloader-problem"

/** As the trailer says it: what a header cannot hold stands escaped, which JSON reads the same. */
export const spelledOut = (problem: ProblemView): string =>
  JSON.stringify(problem).replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
