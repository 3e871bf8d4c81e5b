/** The port through which a service is asked, across the midplane, whether it answers. */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"

import type { ProbeKind } from "../model/catalogue.ts"

/**
 * What one probe showed. Refused, reset or a wrong answer is `Unhealthy`: the
 * service's own machine said so. No route, a time-out or an error of this side
 * is `Unknown`: it may be the road, not the service.
 */
export type ProbeResult =
  | { readonly _tag: "Healthy" }
  | { readonly _tag: "Unhealthy"; readonly reason: string }
  | { readonly _tag: "Unknown"; readonly reason: string }

export interface ProbeTarget {
  readonly kind: ProbeKind
  readonly host: string
  readonly port: number
}

export interface ProberService {
  /** Never fails and never takes longer than `timeout`. Leaves no connection open. */
  readonly probe: (target: ProbeTarget, timeout: Duration.Duration) => Effect.Effect<ProbeResult>
}

export class Prober extends Context.Tag("offloader/Prober")<Prober, ProberService>() {}
