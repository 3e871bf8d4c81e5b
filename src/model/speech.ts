/** What the NPU's server turned out to speak, and what it cannot do. */
import * as Schema from "effect/Schema"

/**
 * `modern`: errors are statuses. `in-band`: errors may also be codes in an answer that
 * ended with OK. `sonic`: the oldest names, and little behind them. `none`: the server
 * has no Containerz at all.
 */
export const Dialect = Schema.Literal("modern", "in-band", "sonic", "none")
export type Dialect = typeof Dialect.Type

/** What keeping services on an NPU takes of its server. */
export const Capability = Schema.Literal(
  "list",
  "start",
  "stop",
  "remove",
  "images",
  /** Images come to it: by upload, or by a download where this DPU names a source. */
  "deploy",
  "logs"
)
export type Capability = typeof Capability.Type

export const Speech = Schema.Struct({
  dialect: Dialect,
  /** Whether the server described itself, or was known by what it answered. */
  by: Schema.Literal("reflection", "answers"),
  missing: Schema.Array(Capability)
})
export type Speech = typeof Speech.Type

const containers: ReadonlyArray<Capability> = ["list", "start", "stop", "remove"]
const others: Readonly<Partial<Record<Capability, string>>> = {
  images: "list images",
  deploy: "take images",
  logs: "send logs"
}

/** "list, start or stop containers, or take images"; empty for none. */
export const deedsOf = (capabilities: ReadonlyArray<Capability>): string => {
  const verbs = containers.filter((verb) => capabilities.includes(verb))
  return either(
    [
      ...verbs.length === 0 ? [] : [`${either(verbs, "")} containers`],
      ...capabilities.flatMap((capability) => others[capability] ?? [])
    ],
    verbs.length > 1 ? "," : ""
  )
}

const either = (words: ReadonlyArray<string>, comma: string): string => {
  const last = words.at(-1) ?? ""
  return words.length < 2 ? last : `${words.slice(0, -1).join(", ")}${comma} or ${last}`
}

export const sameSpeech = (left: Speech | undefined, right: Speech | undefined): boolean =>
  left === right
  || (left !== undefined && right !== undefined && left.dialect === right.dialect && left.by === right.by
    && left.missing.join() === right.missing.join())
