/** What STATE_DB shows of the containers, on a real Redis. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { Redis } from "ioredis"

import { publish } from "../../../layers/sonic/state-db.ts"
import type { StatusRow, StatusRows } from "../../../src/daemon/status-rows.ts"
import type { EventBody } from "../../../src/model/event.ts"
import { needs } from "../../needs.ts"
import { clientOf, noRedis, startRedis, switchRedis } from "./redis.ts"
import { temporaryRoot } from "./support.ts"

const running: StatusRow = {
  status: "Running",
  image: "docker-sonic-gnmi:1.0",
  running_version: "1.0",
  target_version: "1.0",
  restart_count: "0",
  last_error: ""
}

const key = (name: string): string => `OFFLOAD_CONTAINER_TABLE|${name}`

/** A publisher, what feeds it, and what it tells. */
const publisher = (root: string) =>
  Effect.gen(function*() {
    const rows = yield* PubSub.unbounded<StatusRows>({ replay: 1 })
    const told = yield* Queue.unbounded<EventBody>()
    const fiber = yield* Effect.forkScoped(publish({
      root,
      client: () => import("../../../layers/sonic/redis.ts"),
      rows: Stream.fromPubSub(rows),
      tell: (notice) => Queue.offer(told, notice),
      retry: 20
    }))
    const show = (shown: Readonly<Record<string, StatusRow>>) => rows.publish(new Map(Object.entries(shown)))
    return { fiber, show, told }
  })

/** Once the row is there and says so; vitest's own limit ends the waiting. */
const shows = (redis: Redis, name: string, status: string) =>
  Effect.repeat(
    Effect.delay(Effect.promise(() => redis.hgetall(key(name))), "5 millis"),
    { until: (row) => row["status"] === status }
  )

const keys = (redis: Redis) => Effect.promise(async () => (await redis.keys("*")).sort())

describe("STATE_DB", () => {
  needs(noRedis)

  it.scopedLive("shows each container, written only when it changed; cleared at the start and at the end", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const { path } = yield* switchRedis(root)
      const redis = yield* clientOf(path, 6)
      const others = "DOCKER_STATS|LastUpdateTime"
      yield* Effect.promise(() => redis.hset(key("gone"), { status: "Running" }))
      yield* Effect.promise(() => redis.hset(others, { lastupdate: "now" }))

      const { fiber, show, told } = yield* publisher(root)
      yield* show({ gnmidpu0: running, databasedpu0: { ...running, image: "docker-database:1.0" } })
      yield* shows(redis, "databasedpu0", "Running")
      const { update_time: first, ...fields } = yield* shows(redis, "gnmidpu0", "Running")
      assert.deepStrictEqual(fields, { ...running })
      assert.match(first!, /^20\d\d-.*Z$/)
      assert.deepStrictEqual(yield* keys(redis), [others, key("databasedpu0"), key("gnmidpu0")])

      // What did not change is left alone, whoever else touched it.
      yield* Effect.promise(() => redis.hset(key("databasedpu0"), { status: "touched" }))
      const crashed = { ...running, status: "Stopped", running_version: "", restart_count: "1", last_error: "crashed" }
      yield* show({ databasedpu0: { ...running, image: "docker-database:1.0" }, gnmidpu0: crashed })
      const row = yield* shows(redis, "gnmidpu0", "Stopped")
      assert.deepStrictEqual([row["running_version"], row["last_error"]], ["", "crashed"])
      assert.isAtLeast(Date.parse(row["update_time"]!), Date.parse(first!))
      yield* shows(redis, "databasedpu0", "touched")

      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* keys(redis), [others])
      assert.strictEqual(yield* Queue.size(told), 0)
    }))

  it.scopedLive("is waited for and said to be missing once; all of it is there again when Redis is", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      const { show, told } = yield* publisher(root)
      yield* show({ gnmidpu0: running })
      const missing = yield* Queue.take(told)
      assert.strictEqual(missing.reason, "StateDbUnavailable")
      assert.include(missing.message, "database_config.json is not there")

      const { path, stop } = yield* switchRedis(root)
      assert.strictEqual((yield* Queue.take(told)).reason, "StateDbWritten")
      const redis = yield* clientOf(path, 6)
      yield* shows(redis, "gnmidpu0", "Running")

      // Although nothing changes: a Redis that is started anew has lost the table.
      yield* stop
      assert.match((yield* Queue.take(told)).message, /Redis was lost/)
      yield* Effect.asVoid(startRedis(path))
      assert.strictEqual((yield* Queue.take(told)).reason, "StateDbWritten")
      yield* shows(redis, "gnmidpu0", "Running")
      assert.strictEqual(yield* Queue.size(told), 0)
    }))
})
