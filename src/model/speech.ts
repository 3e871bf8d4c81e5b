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

/** As clauses: "it cannot list containers, start containers or send logs". */
const deeds: Readonly<Record<Capability, string>> = {
  list: "list containers",
  start: "start containers",
  stop: "stop containers",
  remove: "remove containers",
  images: "list images",
  deploy: "take images",
  logs: "send logs"
}

/** "list containers, start containers or take images"; empty for none. */
export const deedsOf = (capabilities: ReadonlyArray<Capability>): string => {
  const all = capabilities.map((capability) => deeds[capability])
  const last = all.at(-1) ?? ""
  return all.length < 2 ? last : `${all.slice(0, -1).join(", ")} or ${last}`
}

export const sameSpeech = (left: Speech | undefined, right: Speech | undefined): boolean =>
  left === right
  || (left !== undefined && right !== undefined && left.dialect === right.dialect && left.by === right.by
    && left.missing.join() === right.missing.join())
