/** The port that says which DPU this is and which SONiC version it runs. */
import * as Context from "effect/Context"
import type * as Stream from "effect/Stream"

import type { DpuNumber } from "../model/catalogue.ts"
import type { SonicVersion } from "../model/version.ts"

/** What reading the DPU's version gave. */
export type VersionReading =
  | { readonly _tag: "Version"; readonly version: SonicVersion }
  /** No version can be told; nothing is upgraded while this lasts. */
  | { readonly _tag: "Unreadable"; readonly reason: string }

export interface DpuIdentityService {
  readonly dpu: DpuNumber
  /** The reading now, then each change of it. Never fails, never ends. */
  readonly versions: Stream.Stream<VersionReading>
}

export class DpuIdentity extends Context.Tag("offloader/DpuIdentity")<DpuIdentity, DpuIdentityService>() {}
