/** A connection to Redis, in plain promises; the only place that knows the client library, loaded on a switch alone. */
import { Redis } from "ioredis"

import type { Database } from "./database-config.ts"

export interface RedisLink {
  /** A hash's fields; empty where there is none. */
  readonly row: (key: string) => Promise<Readonly<Record<string, string>>>
  /** A string; null where there is none. */
  readonly text: (key: string) => Promise<string | null>
  readonly close: () => void
}

/** Milliseconds; Redis is on this machine. */
const limit = 3000

/**
 * Subscribes to changes of keys before it returns, so that none falls between
 * that and a reading after it. Once lost it stays lost: whoever uses it opens
 * another.
 */
export const open = async (
  database: Database,
  keys: ReadonlyArray<string>,
  hear: { readonly changed: () => void; readonly lost: (reason: string) => void }
): Promise<RedisLink> => {
  const make = (): Redis => {
    const redis = clientOf(database)
    redis.on("error", (error: Error) => hear.lost(error.message))
    redis.on("end", () => hear.lost("the connection was closed"))
    return redis
  }
  const [reader, listener] = [make(), make()]
  const close = (): void => {
    for (const redis of [reader, listener]) {
      redis.removeAllListeners("end")
      redis.disconnect()
    }
  }
  try {
    await Promise.all([reader.connect(), listener.connect()])
    listener.on("pmessage", () => hear.changed())
    await listener.psubscribe(...keys.map((key) => `__keyspace@${database.id}__:${key}`))
  } catch (error) {
    close()
    throw error
  }
  return {
    row: async (key) => {
      // An empty row is written as NULL:NULL.
      const { NULL: _, ...fields } = await reader.hgetall(key)
      return fields
    },
    text: (key) => reader.get(key),
    close
  }
}

export interface RedisWriter {
  /** Sets all these fields of a hash at once. */
  readonly put: (key: string, fields: Readonly<Record<string, string>>) => Promise<unknown>
  /** Removes every key that begins so. */
  readonly clear: (prefix: string) => Promise<void>
  /** Settles with the reason once the connection is lost. */
  readonly lost: Promise<string>
  readonly close: () => void
}

/** Once lost it stays lost: each call fails then, and whoever uses it opens another. */
export const openWriter = async (database: Database): Promise<RedisWriter> => {
  const redis = clientOf(database)
  const lost = new Promise<string>((settle) => {
    redis.on("error", (error: Error) => settle(error.message))
    redis.on("end", () => settle("the connection was closed"))
  })
  try {
    await redis.connect()
  } catch (error) {
    redis.disconnect()
    throw error
  }
  return {
    put: (key, fields) => redis.hset(key, fields),
    clear: async (prefix) => {
      let cursor = "0"
      do {
        const [next, keys] = await redis.scan(cursor, "MATCH", `${prefix}*`, "COUNT", 1000)
        if (keys.length > 0) await redis.del(...keys)
        cursor = next
      } while (cursor !== "0")
    },
    lost,
    close: () => redis.disconnect()
  }
}

const clientOf = (database: Database): Redis =>
  new Redis({
    ...database.address,
    db: database.id,
    lazyConnect: true,
    connectTimeout: limit,
    commandTimeout: limit,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0
  })
