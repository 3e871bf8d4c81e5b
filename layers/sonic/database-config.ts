/** Where a switch's Redis is: nothing of it is known beforehand, database_config.json tells it. */
import { join } from "node:path"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

import { telling } from "../../src/model/faults.ts"
import { readText } from "./read-text.ts"

export const databaseConfig = "/var/run/redis/sonic-db/database_config.json"

export interface Database {
  /** A unix socket where there is one, TCP otherwise. */
  readonly address: { readonly path: string } | { readonly host: string; readonly port: number }
  readonly id: number
  /** Between a table's name and a row's. */
  readonly separator: string
}

/** The database of this name, `CONFIG_DB` for one; or a sentence that says why it cannot be told. */
export const findDatabase = (
  name: string,
  options: { readonly root?: string } = {}
): Effect.Effect<Either.Either<Database, string>> => {
  const path = join(options.root ?? "/", databaseConfig)
  return Effect.map(
    readText(path),
    (text) => Either.flatMap(text, (content) => Either.mapLeft(database(content, name), (why) => `${path}: ${why}`))
  )
}

const DatabaseConfig = Schema.parseJson(Schema.Struct({
  INSTANCES: Schema.Record({
    key: Schema.String,
    value: Schema.Struct({
      hostname: Schema.optional(Schema.String),
      port: Schema.optional(Schema.Int),
      unix_socket_path: Schema.optional(Schema.String)
    })
  }),
  DATABASES: Schema.Record({
    key: Schema.String,
    value: Schema.Struct({
      id: Schema.Int.pipe(Schema.between(0, 1000)),
      separator: Schema.optionalWith(Schema.NonEmptyString, { default: () => "|" }),
      instance: Schema.String
    })
  })
}))

const database = (text: string, name: string): Either.Either<Database, string> =>
  Either.gen(function*() {
    const config = yield* Either.mapLeft(Schema.decodeUnknownEither(DatabaseConfig)(text), (error) => {
      const [fault] = telling(ParseResult.ArrayFormatter.formatErrorSync(error))
      return fault === undefined ? "it makes no sense" : `${fault.path.join(".")}: ${fault.message}`
    })
    const found = config.DATABASES[name]
    if (found === undefined) return yield* Either.left(`it has no ${name}`)
    const instance = config.INSTANCES[found.instance]
    if (instance === undefined) return yield* Either.left(`it has no instance ${found.instance}`)
    const { hostname: host, port, unix_socket_path: path } = instance
    if (path !== undefined && path !== "") return { address: { path }, ...idOf(found) }
    if (host === undefined || port === undefined) {
      return yield* Either.left(`its instance ${found.instance} has neither unix_socket_path nor hostname and port`)
    }
    return { address: { host, port }, ...idOf(found) }
  })

const idOf = ({ id, separator }: { readonly id: number; readonly separator: string }) => ({ id, separator })
