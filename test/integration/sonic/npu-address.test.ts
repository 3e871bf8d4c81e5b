import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import { npuAddress } from "../../../layers/sonic/npu-address.ts"
import { put, temporaryRoot } from "./support.ts"

const databaseConfig = "/var/run/redis/sonic-db/database_config.json"

const config = (remote: unknown) =>
  JSON.stringify({
    INSTANCES: {
      redis: { hostname: "127.0.0.1", port: 6379 },
      ...(remote === undefined ? {} : { remote_redis: remote })
    },
    DATABASES: { APPL_DB: { id: 0, separator: ":", instance: "redis" } }
  })

describe("the NPU's address", () => {
  it.scoped("is that of the remote Redis", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      put(root, databaseConfig, config({ hostname: "169.254.200.250", port: 6381 }))
      put(root, "/etc/hosts", "169.254.200.251 redis_chassis.server\n")
      assert.deepStrictEqual(yield* npuAddress({ root }), { address: "169.254.200.250", source: databaseConfig })
    }))

  for (
    const [what, text] of [
      ["no database_config.json", undefined],
      ["one without a remote Redis", config(undefined)],
      ["one with an empty host name", config({ hostname: "" })],
      ["one that is half written", config({ hostname: "1.2.3.4" }).slice(0, 60)],
      ["one that is no JSON object", "null"]
    ] as const
  ) {
    it.scoped(`is that of redis_chassis.server in the hosts file, with ${what}`, () =>
      Effect.gen(function*() {
        const root = yield* temporaryRoot
        if (text !== undefined) put(root, databaseConfig, text)
        put(
          root,
          "/etc/hosts",
          "127.0.0.1 localhost\n# 1.1.1.1 redis_chassis.server\nname redis_chassis.server\n169.254.200.251\tother  redis_chassis.server # here\n"
        )
        assert.deepStrictEqual(yield* npuAddress({ root }), { address: "169.254.200.251", source: "/etc/hosts" })
      }))
  }

  it.scoped("is the bridge's where no file says one", () =>
    Effect.gen(function*() {
      const root = yield* temporaryRoot
      assert.deepStrictEqual(yield* npuAddress({ root }), { address: "169.254.200.254", source: "default" })
      put(root, "/etc/hosts", "127.0.0.1 localhost\n")
      assert.strictEqual((yield* npuAddress({ root })).source, "default")
    }))
})
