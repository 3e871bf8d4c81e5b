/**
 * Recordings: what went into the step and what it decided, line by line, so that
 * it can be run again. A recording begins anew with the whole memory (policy and
 * catalogue in it) now and then, since its older part is thrown away.
 */
import * as Either from "effect/Either"

import { format } from "../model/image.ts"
import type { Action, Circumstances, Input, Output } from "./input.ts"
import type { Memory } from "./memory.ts"

export type RecordingEntry =
  /** The memory before the turns that follow, and the product's version that has it. */
  | { readonly _tag: "Memory"; readonly version: string; readonly memory: Memory }
  | {
    readonly _tag: "Turn"
    readonly now: Circumstances
    readonly input: Input
    /** As texts: what was decided then. */
    readonly decided: Decided
  }

/** What a turn yielded, as texts that can be compared and read. */
export interface Decided {
  readonly actions: ReadonlyArray<string>
  /** Severity, reason and container. */
  readonly events: ReadonlyArray<string>
  readonly replies: ReadonlyArray<string>
  readonly wakeAt: number | undefined
}

export const decidedOf = (output: Output): Decided => ({
  actions: output.actions.map(actionText),
  events: output.events.map(({ container, reason, severity }) =>
    `${severity} ${reason}${container === undefined ? "" : ` ${container}`}`
  ),
  replies: output.replies.map(({ reply }) => reply._tag),
  wakeAt: output.wakeAt
})

const actionText = (action: Action): string => {
  switch (action._tag) {
    case "Start":
      return `Start ${action.container} ${format(action.image)} ${action.operation}`
    case "Stop":
      return `Stop ${action.container}${action.force ? " by force" : ""} ${action.operation}`
    case "Remove":
      return `Remove ${action.container} ${action.operation}`
    case "RemoveImage":
      return `RemoveImage ${format(action.image)} ${action.operation}`
    case "ListImages":
      return `ListImages ${action.images.map(format).join(" ")}`
    case "KeepArchives":
      return `KeepArchives ${action.images.map(format).join(" ")} ${action.operation}`
    case "Deploy":
      return `Deploy ${
        action.subject._tag === "Image" ? format(action.subject.image) : action.subject.path
      } ${action.operation}`
  }
}

/** One line of JSON; infinities and maps, which JSON has not, are spelled out. */
export const encodeEntry = (entry: RecordingEntry): string => JSON.stringify(entry, (_, value: unknown) => spell(value))

/** The same text for equal values, in whatever order their fields were set. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => {
    const spelled = spell(inner)
    return typeof spelled === "object" && spelled !== null && !Array.isArray(spelled)
      ? Object.fromEntries(Object.entries(spelled).sort(([left], [right]) => left < right ? -1 : 1))
      : spelled
  })

const spell = (value: unknown): unknown => {
  if (value instanceof Map) return { $map: [...value] }
  if (value === Number.NEGATIVE_INFINITY) return { $number: "-Infinity" }
  return value === Number.POSITIVE_INFINITY ? { $number: "Infinity" } : value
}

/** Left: a sentence. */
export const decodeEntry = (line: string): Either.Either<RecordingEntry, string> =>
  Either.flatMap(
    Either.try({
      try: () => JSON.parse(line, revive) as unknown,
      catch: () => "it is not JSON"
    }),
    (value) =>
      isTagged(value) && (value._tag === "Memory" || value._tag === "Turn")
        ? Either.right(value as RecordingEntry)
        : Either.left("it is no entry of a recording")
  )

const revive = (_: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if ("$map" in value) return new Map(value.$map as ReadonlyArray<readonly [unknown, unknown]>)
  return "$number" in value ? Number(value.$number) : value
}

const isTagged = (value: unknown): value is { readonly _tag: unknown } =>
  typeof value === "object" && value !== null && "_tag" in value
