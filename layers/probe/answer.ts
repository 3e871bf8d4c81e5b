/** What a probe asks, and words for what it hears. */
import type { Socket } from "node:net"

import type { ProbeResult } from "../../src/health/prober.ts"

/**
 * Asks over an established connection; whatever comes first counts. The
 * connection's own end and errors are heard elsewhere.
 */
export type Question = (socket: Socket, answered: (result: ProbeResult) => void) => void

export const healthy: ProbeResult = { _tag: "Healthy" }

export const unhealthy = (reason: string): ProbeResult => ({ _tag: "Unhealthy", reason })

/** A foreign text, made fit for a sentence: quoted, and no longer than 120 characters. */
export const quote = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text)
