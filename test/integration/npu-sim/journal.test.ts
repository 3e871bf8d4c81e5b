import { appendFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

import * as Journal from "../../../layers/npu-sim/journal.ts"
import { folder, load, service, world } from "./world.ts"

describe("the journal", () => {
  it.scopedLive("has every mutating call with its answer, in order, and no other", () =>
    Effect.gen(function*() {
      const { client, journal } = yield* world()
      yield* load(client)
      yield* Effect.promise(async () => {
        await client.unary("StartContainer", service("a"))
        await client.status("StartContainer", service("a"))
        await client.collect("ListContainer", { all: true })
        await client.unary("Time", {})
        await client.unary("StopContainer", { instanceName: "a", force: true })
        await client.unary("RemoveContainer", { name: "a" })
        await client.unary("RemoveImage", { name: "service", tag: "1" })
      })
      const calls = journal()
      assert.deepStrictEqual(
        calls.map((call) => `${call.seq} ${call.method} ${call.subject} ${call.answered?.status}`),
        [
          "1 Deploy service:1 OK",
          "2 StartContainer a OK",
          "3 StartContainer a ALREADY_EXISTS",
          "4 StopContainer a OK",
          "5 RemoveContainer a OK",
          "6 RemoveImage service:1 OK"
        ]
      )
      assert.isAbove(calls[0]!.answered!.bytes!, 10_000)
      assert.deepInclude(calls[1]!.request, { imageName: "service", tag: "1" })
      for (const call of calls) {
        assert.isAtMost(call.received.micros, call.answered!.micros)
        assert.approximately(call.received.at, Date.now(), 60_000)
        assert.match(call.peer, /^127\.0\.0\.1:\d+$/)
      }
    }))

  it.scopedLive("is appended to, and read without its unfinished last line", () =>
    Effect.gen(function*() {
      const path = join(yield* folder, "journal")
      for (const name of ["first", "second"]) {
        yield* Effect.scoped(Effect.map(Journal.open(path), (journal) =>
          journal.received({ method: "StartContainer", subject: name, peer: "here", request: {} })))
      }
      appendFileSync(path, "{\"event\":\"answ")
      const calls = Journal.read(path)
      assert.deepStrictEqual(calls.map((call) => [call.run, call.seq, call.subject, call.answered]), [
        [0, 1, "first", undefined],
        [1, 1, "second", undefined]
      ])
    }))
})
