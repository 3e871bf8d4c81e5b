/** What is said of upgrades at this moment, whoever asks. */
import type { Memory } from "./memory.ts"
import { explain, type Explanation } from "./upgrade/explain.ts"

/** While the NPU does not answer nothing goes on, and what would be said is of before. */
export const explainNow = (memory: Memory, mono: number): Explanation => {
  const what = explain(memory, mono)
  return memory.npu.reachable === false
    ? { ...what, message: `nothing is changed until the NPU answers; as last known, ${what.message}`, until: undefined }
    : what
}
