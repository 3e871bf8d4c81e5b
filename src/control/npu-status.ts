/** The NPU's own status: whether it answers, what its server speaks, how its clock stands. */
import * as Schema from "effect/Schema"

import { Condition } from "../model/condition.ts"
import { Speech } from "../model/speech.ts"
import { apiVersion, NpuView } from "./views.ts"

export const NpuStatus = Schema.Struct({
  apiVersion: Schema.Literal(apiVersion),
  dpu: Schema.String,
  npu: NpuView,
  /** Null until it is known. */
  speech: Schema.NullOr(Speech),
  /** The last look that ended, whatever it showed. */
  lastLook: Schema.NullOr(Schema.Struct({
    endedAt: Schema.String,
    /** Milliseconds. */
    took: Schema.Number
  })),
  /** Null where the NPU has not told its time. */
  clock: Schema.NullOr(Schema.Struct({
    /** The NPU's minus this DPU's, milliseconds. */
    difference: Schema.Number,
    /** Milliseconds that the difference may be off by, either way. */
    uncertainty: Schema.Number,
    at: Schema.String
  })),
  conditions: Schema.Array(Condition)
})
export type NpuStatus = typeof NpuStatus.Type
