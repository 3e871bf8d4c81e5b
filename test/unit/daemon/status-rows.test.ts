import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"

import { type StatusRows, statusRows } from "../../../src/daemon/status-rows.ts"
import { makeWorld, names, pass } from "./world.ts"

const [database, gnmi, ha] = names as [string, string, string]

describe("the rows that a switch's tools read", () => {
  it.scoped("follow each container, with why it was restarted", () =>
    Effect.gen(function*() {
      const world = yield* makeWorld(["1.0"])
      const daemon = yield* world.boot
      let rows: StatusRows = new Map()
      const follower = yield* Effect.fork(Stream.runForEach(statusRows(daemon.decider), (now) =>
        Effect.sync(() => {
          rows = now
        })))
      yield* pass(6000)
      assert.deepStrictEqual([...rows.keys()], [database, gnmi, ha])
      const well = {
        status: "Running",
        image: "docker-sonic-gnmi:1.0",
        running_version: "1.0",
        target_version: "1.0",
        restart_count: "0",
        last_error: rows.get(gnmi)!.last_error
      }
      assert.deepStrictEqual(rows.get(gnmi), well)

      world.engine.crash(gnmi)
      yield* pass(4000)
      const { last_error, ...again } = rows.get(gnmi)!
      assert.deepStrictEqual(again, {
        status: "Running",
        image: "docker-sonic-gnmi:1.0",
        running_version: "1.0",
        target_version: "1.0",
        restart_count: "1"
      })
      assert.notStrictEqual(last_error, "")

      world.connection.disconnect("the NPU is away")
      yield* pass(30_000, 500)
      const away = rows.get(gnmi)!
      assert.deepStrictEqual([away.status, away.image, away.running_version], ["Unknown", "", ""])
      yield* Fiber.interrupt(follower)
    }))
})
