/** A Redis of a test's own, on a unix socket in its folder. */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdirSync } from "node:fs"
import { dirname, join } from "node:path"

import * as Effect from "effect/Effect"
import { Redis } from "ioredis"

import { put } from "./support.ts"

/** Why there is none to be had here. */
export const noRedis = spawnSync("redis-server", ["--version"]).error === undefined
  ? undefined
  : "redis-server is not installed"

/** Serves CONFIG_DB and STATE_DB as a switch's Redis does, notifications included, and says so in database_config.json. */
export const switchRedis = (root: string) =>
  Effect.gen(function*() {
    const path = join(root, "var/run/redis/redis.sock")
    mkdirSync(dirname(path), { recursive: true })
    const stop = yield* startRedis(path)
    put(
      root,
      "/var/run/redis/sonic-db/database_config.json",
      JSON.stringify({
        INSTANCES: {
          redis: { hostname: "127.0.0.1", port: 6379, unix_socket_path: path, persistence_for_warm_boot: "yes" },
          remote_redis: { hostname: "127.0.0.1", port: 6381 }
        },
        DATABASES: {
          CONFIG_DB: { id: 4, separator: "|", instance: "redis" },
          STATE_DB: { id: 6, separator: "|", instance: "redis" }
        },
        VERSION: "1.0"
      })
    )
    const client = yield* clientOf(path)
    yield* Effect.promise(() => client.set("CONFIG_DB_INITIALIZED", "1"))
    return { path, client, stop }
  })

export const startRedis = (path: string) =>
  Effect.gen(function*() {
    const server = spawn("redis-server", [
      ...["--port", "0", "--unixsocket", path, "--save", "", "--dir", dirname(path)],
      ...["--notify-keyspace-events", "AKE", "--daemonize", "no"]
    ], { stdio: "ignore" })
    const stop = Effect.promise(async () => {
      if (server.exitCode !== null || server.signalCode !== null) return
      server.kill("SIGKILL")
      await once(server, "exit")
    })
    yield* Effect.addFinalizer(() => stop)
    yield* Effect.repeat(Effect.sleep(10), { until: () => existsSync(path) })
    return stop
  })

export const clientOf = (path: string, db = 4) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const redis = new Redis({ path, db, maxRetriesPerRequest: null, retryStrategy: () => 20 })
      redis.on("error", () => {})
      return redis
    }),
    (redis) => Effect.sync(() => redis.disconnect())
  )
