/**
 * The durable part of memory: what must survive the daemon. One JSON file holds
 * it, versioned, with fields of other releases kept as they are.
 *
 * Times are monotonic milliseconds; `mono` says when the file was written, so
 * that a daemon with another monotonic clock reads them as elapsed time.
 */
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

import { initialUpgrade, upgradeFields } from "./upgrade/record.ts"

/**
 * The format written by this release; it also reads the one before and the next.
 * 2: containers have an assigned image, and upgrades are sagas.
 */
export const format = 2
const newestReadable = 3

/** Why a start is due. Only the first three climb the ladder. */
export const Cause = Schema.Literal(
  "Crash",
  "Unhealthy",
  "WrongVersion",
  /** Never started by us, and not there. */
  "Initial",
  "Command",
  "NpuReboot"
)
export type Cause = typeof Cause.Type

export const Due = Schema.Struct({
  /** Not before this moment. */
  at: Schema.Number,
  cause: Cause
})
export type Due = typeof Due.Type

const other = { key: Schema.String, value: Schema.Unknown }

const DurableContainer = Schema.Struct(
  {
    desired: Schema.Literal("running", "stopped"),
    /** When the operator last said so; ISO 8601 UTC, null where nobody ever did. */
    intentAt: Schema.NullOr(Schema.String),
    /** Starts that followed a crash, a disappearance or ill health. */
    restarts: Schema.Int,
    /** The ladder's level that the next charge pays for. */
    level: Schema.Int,
    /** The start that is owed, or null. */
    due: Schema.NullOr(Due),
    /** Whether we ever started or adopted it: its absence then is a loss, not a first day. */
    owned: Schema.Boolean,
    /** Since when it runs, as our start or adoption; null once it stopped. */
    startedAt: Schema.NullOr(Schema.Number),
    /** Milliseconds of running since then that have paid levels back already: none pays twice. */
    paidFor: Schema.optionalWith(Schema.Number, { default: () => 0 }),
    /** The engine's id of the instance that we started or adopted. */
    startedId: Schema.NullOr(Schema.String),
    /** The version that we last started or adopted. */
    startedVersion: Schema.NullOr(Schema.String),
    /** `repository:tag` that recovery keeps it at; only a saga changes it. Null before the first start. */
    assigned: Schema.optionalWith(Schema.NullOr(Schema.String), { default: () => null }),
    lastReason: Schema.NullOr(Schema.String)
  },
  other
)
export interface DurableContainer extends Schema.Schema.Type<typeof DurableContainer> {}

const Durable = Schema.Struct(
  {
    format: Schema.Int.pipe(Schema.between(1, newestReadable)),
    mono: Schema.Number,
    random: Schema.Int,
    containers: Schema.Record({ key: Schema.String, value: DurableContainer }),
    ...upgradeFields
  },
  other
)
export interface Durable extends Schema.Schema.Type<typeof Durable> {}

export const initial = (seed: number): Durable => ({
  format,
  mono: 0,
  random: seed | 0,
  containers: {},
  ...initialUpgrade
})

export const initialContainer: DurableContainer = {
  desired: "running",
  intentAt: null,
  restarts: 0,
  level: 0,
  due: null,
  owned: false,
  startedAt: null,
  paidFor: 0,
  startedId: null,
  startedVersion: null,
  assigned: null,
  lastReason: null
}

/** The text of the state file; `mono` is now. */
export const encode = (durable: Durable, mono: number): string =>
  `${JSON.stringify({ ...durable, format, mono }, null, 2)}\n`

const decodeJson = Schema.decodeUnknownEither(Schema.parseJson(Durable), { errors: "first" })
const decodeValue = Schema.decodeUnknownEither(Durable, { errors: "first" })

/** Reads a state file; every moment in it is moved to this clock. Left: a sentence. */
export const decode = (text: string, mono: number): Either.Either<Durable, string> => settled(decodeJson(text), mono)

/** The same of a file whose JSON has been parsed. */
export const decodeWritten = (written: unknown, mono: number): Either.Either<Durable, string> =>
  settled(decodeValue(written), mono)

const settled = (
  decoded: Either.Either<Durable, ParseResult.ParseError>,
  mono: number
): Either.Either<Durable, string> =>
  Either.mapBoth(decoded, {
    onLeft: (error) => {
      const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
      return issue === undefined
        ? "it cannot be read"
        : `${issue.path.map(String).join(".") || "the file"}: ${issue.message}`
    },
    onRight: (durable) => rebase(durable.format < 2 ? withoutAssignments(durable) : durable, mono)
  })

/**
 * A release that knew no sagas wrote last: it switched versions in its own way,
 * so what was under way is over, and each container is at what it started.
 */
const withoutAssignments = (durable: Durable): Durable => ({
  ...durable,
  upgrade: null,
  containers: Object.fromEntries(
    Object.entries(durable.containers).map(([name, container]) => [name, { ...container, assigned: null }])
  )
})

const rebase = (durable: Durable, mono: number): Durable => {
  const shift = mono - durable.mono
  return {
    ...durable,
    mono,
    containers: Object.fromEntries(
      Object.entries(durable.containers).map(([name, container]) => [name, {
        ...container,
        due: container.due === null ? null : { ...container.due, at: container.due.at + shift },
        startedAt: container.startedAt === null ? null : container.startedAt + shift
      }])
    )
  }
}
