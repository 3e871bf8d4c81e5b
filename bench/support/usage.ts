/** What a process has taken so far, by /proc. */
import { readFileSync } from "node:fs"

/** As the goals are set: 10^6 bytes. */
export const megabyte = 1_000_000

export interface Usage {
  /** Bytes. */
  readonly resident: number
  readonly private: number
  /** Seconds of a core since the process began. */
  readonly cpu: number
  /** When this was read, seconds. */
  readonly at: number
}

/** Clock ticks a second; Linux has no other value. */
const ticks = 100

export const usageOf = (pid: number): Usage => {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")
  const bytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(rollup)?.[1]) * 1024
  // The second field is the program's name in parentheses, which may hold anything.
  const [, fields = ""] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? []
  const words = fields.split(" ")
  return {
    resident: bytes("Rss"),
    private: bytes("Private_Clean") + bytes("Private_Dirty"),
    cpu: (Number(words[11]) + Number(words[12])) / ticks,
    at: Number(process.hrtime.bigint()) / 1e9
  }
}
