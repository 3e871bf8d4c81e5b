/** The NPU's address on the midplane, as the DPU knows it. */
import { isIP } from "node:net"
import { join } from "node:path"

import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

import { readText } from "./read-text.ts"

/** The address of `bridge-midplane` on every SmartSwitch. */
export const defaultNpuAddress = "169.254.200.254"

export interface NpuAddress {
  readonly address: string
  /** The file that says so, or `default`; for messages. */
  readonly source: string
}

/**
 * The first that says one: `remote_redis.hostname` in database_config.json,
 * `redis_chassis.server` in /etc/hosts, the default. A file that is absent or
 * cannot be understood is passed over. `root` stands before every path.
 */
export const npuAddress = (options: { readonly root?: string } = {}): Effect.Effect<NpuAddress> =>
  Effect.gen(function*() {
    const root = options.root ?? "/"
    const config = yield* readText(join(root, databaseConfig))
    const remote = Either.flatMap(config, remoteRedis)
    if (Either.isRight(remote)) return { address: remote.right, source: databaseConfig }
    const hosts = yield* readText(join(root, hostsFile))
    const named = Either.flatMap(hosts, (text) => hostAddress(text, "redis_chassis.server"))
    if (Either.isRight(named)) return { address: named.right, source: hostsFile }
    return { address: defaultNpuAddress, source: "default" }
  })

const databaseConfig = "/var/run/redis/sonic-db/database_config.json"
const hostsFile = "/etc/hosts"

const DatabaseConfig = Schema.parseJson(Schema.Struct({
  INSTANCES: Schema.Struct({ remote_redis: Schema.Struct({ hostname: Schema.NonEmptyTrimmedString }) })
}))

const remoteRedis = (text: string): Either.Either<string, string> =>
  Either.mapBoth(Schema.decodeUnknownEither(DatabaseConfig)(text), {
    onLeft: (error) => error.message,
    onRight: (config) => config.INSTANCES.remote_redis.hostname
  })

const hostAddress = (text: string, name: string): Either.Either<string, string> => {
  for (const line of text.split("\n")) {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/)
    if (address !== undefined && isIP(address) !== 0 && names.includes(name)) return Either.right(address)
  }
  return Either.left(`no line for ${name}`)
}
